//! The catalogue of errors: what the proto says is what docs/errors.md shows.

use std::fmt::Write;
use std::path::PathBuf;

use pronto_grpc::proto::DESCRIPTORS;
use pronto_grpc::proto::reason::{MetadataKey, REASONS, contract, name};
use pronto_grpc::proto::v1::ErrorReason;
use prost::Message;
use prost_types::FileDescriptorSet;

/// The command that writes the catalogue anew.
const REFRESH: &str = "PRONTO_GRPC_REFRESH=1 cargo test --test it catalogue";

const HEAD: &str = r#"# Errors

<!-- Written from proto/pronto/v1/errors.proto by a test; do not edit. -->

Every error has a `google.rpc.ErrorInfo` with domain `pronto.v1`, a reason, and
metadata. Branch on code and reason, not on the message. Metadata and further details
are there where they apply and are known. Texts are cut to 1 KiB, and an error as a whole
to 7 KiB of headers, because some clients take no more than 8 KiB: field violations beyond
that are left out, then metadata is cut.

Errors of the standard services, health and reflection, may come without a reason. A
call that its caller cancels, or whose connection breaks, ends without one, too.

For example, what grpcurl prints of a call that could cost more than its caller allows: a
detail that this reason has, and the reason with its metadata.

```console
$ grpcurl -plaintext -d '{"first_name": "Wei", "last_name": "Young",
    "company_name": "Oakline Logistics", "enrichment_type": ["ENRICHMENT_TYPE_EMAIL"],
    "max_credits": 0}' localhost:50051 pronto.v1.ContactService/EnrichContact
ERROR:
  Code: ResourceExhausted
  Message: the call could cost 3 credits, and max_credits is 0
  Details:
  1)	{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"subject":"max_credits","description":"the call could cost 3 credits, and max_credits is 0"}]}
  2)	{"@type":"type.googleapis.com/google.rpc.ErrorInfo","domain":"pronto.v1","metadata":{"limit":"0","maximum":"3"},"reason":"BUDGET_EXCEEDED"}
```

## When to try again

`google.rpc.RetryInfo` tells it to you, and `grpc-retry-pushback-ms` beside it to the retries
built into gRPC libraries, which obey it without a bound. So the latter is -1, which
[means not to retry](https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback),
where the wait is longer than what is left of the call's deadline, or than 30 s without one.

## Reasons

"#;

/// The paragraphs of a reason's comment: when it occurs, and what to do about it.
fn paragraphs(reason: ErrorReason) -> Vec<String> {
    let set = FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    let mut files = set.file.into_iter();
    let file = files
        .find(|file| file.name() == "pronto/v1/errors.proto")
        .unwrap();
    let values = &file.enum_type[0].value;
    let index = values
        .iter()
        .position(|value| value.name() == reason.as_str_name());
    // Field 5 of a file are enums, field 2 of an enum its values.
    let path = [5, 0, 2, index.unwrap() as i32];
    let places = file.source_code_info.unwrap().location;
    let place = places.iter().find(|place| place.path == path).unwrap();
    let paragraphs = place.leading_comments().trim().split("\n\n");
    let lines = paragraphs.map(|paragraph| paragraph.split_whitespace());
    lines
        .map(|words| words.collect::<Vec<_>>().join(" "))
        .collect()
}

fn keys(metadata: &[MetadataKey]) -> String {
    let keys = metadata.iter();
    let keys = keys.map(|known| format!("`{}` ({})", known.key, known.meaning));
    keys.collect::<Vec<_>>().join(", ")
}

fn catalogue() -> String {
    let mut out = HEAD.to_owned();
    out += "| Reason | Code |\n|---|---|\n";
    for &reason in REASONS {
        let (name, code) = (name(reason), contract(reason).code_name);
        let anchor = name.to_lowercase();
        writeln!(out, "| [`{name}`](#{anchor}) | {code} |").unwrap();
    }
    for &reason in REASONS {
        let (name, contract) = (name(reason), contract(reason));
        let paragraphs = paragraphs(reason);
        writeln!(out, "\n## {name}\n\n{}\n", paragraphs.join("\n\n")).unwrap();
        writeln!(out, "* Code: {}", contract.code_name).unwrap();
        if !contract.metadata.is_empty() {
            writeln!(out, "* Metadata: {}", keys(contract.metadata)).unwrap();
        }
        if !contract.details.is_empty() {
            writeln!(out, "* Details: `{}`", contract.details.join("`, `")).unwrap();
        }
    }
    out
}

#[test]
fn the_catalogue_is_what_the_proto_says() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    let catalogue = catalogue();
    if std::env::var_os("PRONTO_GRPC_REFRESH").is_some() {
        std::fs::write(&path, &catalogue).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == catalogue, "refresh docs/errors.md: {REFRESH}");
}

#[test]
fn every_reason_says_when_it_occurs_and_what_to_do() {
    for &reason in REASONS {
        let paragraphs = paragraphs(reason);
        assert_eq!(paragraphs.len(), 2, "{reason:?}: {paragraphs:#?}");
        for text in paragraphs {
            assert!(text.ends_with('.') && text.len() > 5, "{reason:?}: {text}");
        }
    }
}

#[test]
fn every_metadata_key_has_a_meaning_and_stands_once() {
    for &reason in REASONS {
        let metadata = contract(reason).metadata;
        for (index, known) in metadata.iter().enumerate() {
            assert!(!known.key.is_empty() && !known.meaning.is_empty());
            let before = &metadata[..index];
            assert!(
                before.iter().all(|other| other.key != known.key),
                "{reason:?}"
            );
        }
    }
}

#[test]
fn details_are_messages_of_google_rpc() {
    let set = FileDescriptorSet::decode(tonic_types::pb::FILE_DESCRIPTOR_SET).unwrap();
    let messages = set.file.iter().flat_map(|file| &file.message_type);
    let known: Vec<_> = messages
        .map(|message| format!("google.rpc.{}", message.name()))
        .collect();
    for &reason in REASONS {
        for &detail in contract(reason).details {
            assert!(
                known.iter().any(|name| name == detail),
                "{reason:?}: {detail}"
            );
        }
    }
}
