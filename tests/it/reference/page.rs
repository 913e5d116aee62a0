//! The pages of the reference.

use std::fmt::Write;

use prost_reflect::{FileDescriptor, MethodDescriptor};

use super::api::{Api, comment, enums, file_comment, page_name};
use super::examples::Examples;
use super::{api, links, messages, options, services, upstream};

const INDEX_HEAD: &str = include_str!("index.md");

/// The page of a file.
pub fn page(api: &Api, examples: &Examples, file: &FileDescriptor) -> String {
    let service = file.services().next();
    let title = match &service {
        Some(service) => service.name().to_owned(),
        None => page_name(file).replace(".md", ".proto"),
    };
    let mut out = format!("# {title}\n\n");
    let recipes = service.as_ref().map_or("", |_| " and docs/grpcurl.md");
    let source = format!("proto/{}{recipes}", file.name());
    writeln!(
        out,
        "<!-- Written from {source} by a test; do not edit. -->"
    )
    .unwrap();
    paragraphs(&mut out, api, "", &file_comment(file));
    if let Some(service) = &service {
        services::of_service(&mut out, api, examples, service);
    }
    let defined: Vec<_> = file.extensions().collect();
    heading(&mut out, "Options", defined.len());
    if !defined.is_empty() {
        messages::of_options(&mut out, api, &defined);
    }
    heading(&mut out, "Messages", api::messages(file).len());
    for message in api::messages(file) {
        messages::of_message(&mut out, api, &message);
    }
    heading(&mut out, "Enums", enums(file).len());
    for kind in enums(file) {
        messages::of_enum(&mut out, api, &kind);
    }
    // What is on the page itself is named by its heading alone.
    out.replace(&format!("]({}#", page_name(file)), "](#")
}

/// The first page: what there is.
pub fn index(api: &Api) -> String {
    let mut out = INDEX_HEAD.to_owned();
    for service in api.services() {
        let file = service.parent_file();
        let text = comment(&file, service.path());
        writeln!(
            out,
            "\n## {}\n\n{}\n",
            service.name(),
            links::linked(api, service.name(), &text[0])
        )
        .unwrap();
        out += "| RPC | Endpoint |\n|---|---|\n";
        for method in service.methods() {
            let anchor = format!("{}#{}", page_name(&file), method.name().to_lowercase());
            let endpoint = endpoint(&method);
            writeln!(out, "| [{}]({anchor}) | {endpoint} |", method.name()).unwrap();
        }
    }
    out
}

fn endpoint(method: &MethodDescriptor) -> String {
    match options::upstream(method) {
        Some(known) => upstream::place(&known),
        None => services::OURS.to_owned(),
    }
}

fn heading(out: &mut String, title: &str, count: usize) {
    if count > 0 {
        writeln!(out, "\n## {title}").unwrap();
    }
}

/// Writes paragraphs about something of that name.
pub fn paragraphs(out: &mut String, api: &Api, own: &str, texts: &[String]) {
    for text in texts {
        writeln!(out, "\n{}", links::linked(api, own, text)).unwrap();
    }
}
