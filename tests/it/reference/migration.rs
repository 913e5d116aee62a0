//! The table of docs/migration.md: each endpoint, its RPC, and what is added.

use std::fmt::Write;

use pronto_grpc::proto::v1::{Completion, Upstream};
use prost_reflect::MethodDescriptor;
use prost_types::method_options::IdempotencyLevel;

use super::api::{Api, page_name};
use super::{checks, options, upstream};

const BEGIN: &str = "<!-- Written from proto/ by a test; do not edit. -->\n";
const END: &str = "<!-- End of what is written by a test. -->\n";

/// The document with the table as it should be.
pub fn with_table(document: &str, api: &Api) -> String {
    let (before, rest) = document.split_once(BEGIN).expect("where the table begins");
    let (_, after) = rest.split_once(END).expect("where the table ends");
    format!("{before}{BEGIN}\n{}\n{END}{after}", table(api))
}

fn table(api: &Api) -> String {
    let mut rows: Vec<_> = api
        .methods()
        .iter()
        .filter(|method| options::follows(method).is_none())
        .filter_map(|method| Some(row(api, method, &options::upstream(method)?)))
        .collect();
    rows.sort();
    let rows = rows.into_iter().map(|(_, row)| row);
    format!(
        "| Endpoint | RPC | What is added |\n|---|---|---|\n{}",
        rows.collect::<String>()
    )
}

/// A row, behind what it is sorted by.
fn row(api: &Api, method: &MethodDescriptor, known: &Upstream) -> ((String, bool), String) {
    let endpoint = upstream::endpoint(known);
    let path = endpoint.split_once(' ').unwrap().1.to_owned();
    let is_synchronous = upstream::is_synchronous(known);
    let mut rpcs = vec![link(method)];
    let streaming = api.methods().into_iter().find(|other| {
        options::follows(other).is_some_and(|start| start.full_name() == method.full_name())
    });
    rpcs.extend(streaming.as_ref().map(link));
    let place = upstream::place(known);
    let mut row = format!("| {place} | {} | ", rpcs.join("<br>"));
    writeln!(row, "{} |", added(method, known).join("; ")).unwrap();
    ((path, is_synchronous), row)
}

fn link(method: &MethodDescriptor) -> String {
    let name = method.name();
    let page = page_name(&method.parent_service().parent_file());
    format!("[{name}](reference/{page}#{})", name.to_lowercase())
}

fn added(method: &MethodDescriptor, known: &Upstream) -> Vec<String> {
    let mut added = Vec::new();
    if let Some(late) = &known.late {
        added.push("a stream that resumes".to_owned());
        let is_polled = !matches!(late.completion(), Completion::ItemCount | Completion::Never);
        if is_polled {
            added.push("what no callback brought is polled for".to_owned());
        }
        if late.webhook_optional {
            added.push("works without a public URL".to_owned());
        }
    }
    let request = method.input();
    if request.get_field_by_name("request_id").is_some() {
        added.push("`request_id`, `max_credits`".to_owned());
    }
    if request.get_field_by_name("reuse_within").is_some() {
        added.push("`reuse_within`".to_owned());
    }
    if options::idempotency(method) != IdempotencyLevel::IdempotencyUnknown {
        added.push("repeated when a connection breaks".to_owned());
    }
    match known.sharing.as_ref().map(|sharing| sharing.fresh_seconds) {
        Some(0) => added.push("shared while it is under way".to_owned()),
        Some(seconds) => added.push(format!("shared, kept for {seconds} s")),
        None => {}
    }
    if checks::are_made(&request) {
        added.push("checked before it is sent".to_owned());
    }
    added
}
