//! Services and RPCs, in words.

use std::fmt::Write;

use pronto_grpc::proto::v1::Upstream;
use prost_reflect::{MethodDescriptor, ServiceDescriptor};
use prost_types::method_options::IdempotencyLevel;

use super::api::{Api, comment};
use super::examples::Examples;
use super::page::paragraphs;
use super::{answers, errors, links, options, types, upstream};

/// What stands where an RPC has no endpoint of Pronto's.
pub const OURS: &str = "none; pronto-grpc's own";

/// What a service does, and each of its RPCs.
pub fn of_service(out: &mut String, api: &Api, examples: &Examples, service: &ServiceDescriptor) {
    paragraphs(
        out,
        api,
        service.name(),
        &comment(&service.parent_file(), service.path()),
    );
    for method in service.methods() {
        of_method(out, api, &method);
        answers::of_example(out, examples.of(&method));
    }
}

fn of_method(out: &mut String, api: &Api, method: &MethodDescriptor) {
    writeln!(out, "\n## {}", method.name()).unwrap();
    let file = method.parent_service().parent_file();
    paragraphs(out, api, method.name(), &comment(&file, method.path()));
    let request = types::link(api, method.input().full_name());
    let answer = types::link(api, method.output().full_name());
    let stream = if method.is_server_streaming() {
        "a stream of "
    } else {
        ""
    };
    writeln!(out, "\n* Takes {request}, answers {stream}{answer}").unwrap();
    if let Some(start) = options::follows(method) {
        let name = start.name();
        writeln!(
            out,
            "* Starts the job of [{name}](#{}) and follows it",
            name.to_lowercase()
        )
        .unwrap();
    }
    match options::upstream(method) {
        Some(known) => of_upstream(out, api, &known),
        None => writeln!(out, "* Endpoint: {OURS}").unwrap(),
    }
    writeln!(out, "* {}", repeating(method)).unwrap();
    let errors = errors::of_method(api, method);
    if !errors.is_empty() {
        writeln!(out, "* Errors of its own: {}", errors.join(", ")).unwrap();
    }
}

fn of_upstream(out: &mut String, api: &Api, known: &Upstream) {
    writeln!(out, "* Endpoint: {}", upstream::place(known)).unwrap();
    if let Some(rate) = &known.rate {
        writeln!(out, "* Limit: {}", upstream::rate(rate)).unwrap();
    }
    if let Some(credits) = &known.credits {
        writeln!(out, "* Price, {}", upstream::price(credits)).unwrap();
    }
    if let Some(sharing) = &known.sharing {
        let kept = match sharing.fresh_seconds {
            0 => String::new(),
            seconds => format!("; the answer is kept for {seconds} s"),
        };
        writeln!(
            out,
            "* Shared: identical calls under way are one request{kept}"
        )
        .unwrap();
    }
    if let Some(late) = &known.late {
        let completion = upstream::completion(late.completion());
        writeln!(out, "* Its job {}", links::linked(api, "", completion)).unwrap();
        if late.webhook_optional {
            out.push_str("* Without a callback URL: polled\n");
        }
        if late.total_is_estimate {
            out.push_str("* The total that Pronto tells at the start is an estimate\n");
        }
    }
}

fn repeating(method: &MethodDescriptor) -> &'static str {
    let has_request_id = method.input().get_field_by_name("request_id").is_some();
    match options::idempotency(method) {
        IdempotencyLevel::NoSideEffects => "Repeating: safe, it only reads",
        IdempotencyLevel::Idempotent => "Repeating: safe, twice does what once does",
        _ if has_request_id => "Repeating: safe with the same `request_id` only",
        _ => "Repeating: not declared safe",
    }
}
