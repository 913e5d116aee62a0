//! What is known about Pronto's endpoints, in words.

use pronto_grpc::proto::v1::upstream::Pattern;
use pronto_grpc::proto::v1::{Completion, Credits, Host, Period, Rate, Upstream};

/// `POST /leads`.
pub fn endpoint(upstream: &Upstream) -> String {
    match upstream.pattern.as_ref().unwrap() {
        Pattern::Get(path) => format!("GET {path}"),
        Pattern::Post(path) => format!("POST {path}"),
        Pattern::Put(path) => format!("PUT {path}"),
        Pattern::Delete(path) => format!("DELETE {path}"),
    }
}

/// The same as code, and the host where that is not the main one.
pub fn place(upstream: &Upstream) -> String {
    let host = match is_synchronous(upstream) {
        true => ", on the synchronous host",
        false => "",
    };
    format!("`{}`{host}", endpoint(upstream))
}

/// Whether it stands on the second host.
pub fn is_synchronous(upstream: &Upstream) -> bool {
    upstream.host() == Host::Synchronous
}

/// `20 requests a second`.
pub fn rate(rate: &Rate) -> String {
    let requests = match rate.requests {
        1 => "1 request".to_owned(),
        count => format!("{count} requests"),
    };
    let period = match rate.per() {
        Period::Minute => "minute",
        _ => "second",
    };
    let source = match rate.assumed {
        true => " (ours: Pronto documents none)",
        false => "",
    };
    format!("{requests} a {period} for each key{source}")
}

/// `3 credits for each email found`.
pub fn price(credits: &Credits) -> String {
    let parts = [
        (credits.request, "for each request"),
        (credits.email, "for each professional email found"),
        (credits.phone_number, "for each phone number found"),
        (credits.personal_email, "for each personal email found"),
    ];
    let parts = parts.iter().filter(|(credits, _)| *credits > 0);
    let parts = parts.map(|(credits, what)| format!("{credits} {what}"));
    format!("in credits: {}", parts.collect::<Vec<_>>().join(", "))
}

/// When a job is complete: what it does until then.
pub fn completion(completion: Completion) -> &'static str {
    match completion {
        Completion::Unspecified => panic!("a late answer says how its end is learnt"),
        Completion::SearchStatus => {
            "is complete when Pronto says that the search has finished, and what it found is there"
        }
        Completion::ContactStatus => {
            "is complete when the callback has come, or Pronto says that the enrichment has finished"
        }
        Completion::ItemCount => "is complete when as many results came as items were sent",
        Completion::Never => "runs until CancelJob",
    }
}
