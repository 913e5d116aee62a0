//! The requests of docs/grpcurl.md, as examples.

use std::collections::HashMap;

use prost_reflect::{DynamicMessage, MethodDescriptor, SerializeOptions};
use serde_json::Serializer;

use super::api::{Api, PACKAGE};
use super::shell::{blocks, words};

const RECIPES: &str = include_str!("../../../docs/grpcurl.md");

/// The first request to each RPC.
pub struct Examples(HashMap<String, String>);

impl Examples {
    /// Those of the document. Panics at one that is no request of its RPC.
    pub fn read(api: &Api) -> Self {
        let mut examples = HashMap::new();
        for (name, request) in calls() {
            let method = api.method(&name);
            let method = method.unwrap_or_else(|| panic!("docs/grpcurl.md: there is no {name}"));
            let request = presented(&method, &request);
            examples
                .entry(method.full_name().to_owned())
                .or_insert(request);
        }
        Self(examples)
    }

    /// A request, as JSON.
    pub fn of(&self, method: &MethodDescriptor) -> Option<&str> {
        self.0.get(method.full_name()).map(String::as_str)
    }
}

/// RPC and request of each call, in the order of the document.
fn calls() -> Vec<(String, String)> {
    let mut calls = Vec::new();
    for block in blocks(RECIPES) {
        let mut request = None;
        let mut words = words(&block).into_iter();
        while let Some(word) = words.next() {
            if word == "grpcurl" || word == "curl" {
                request = None;
            } else if word == "-d" {
                request = words.next();
            } else if let Some((_, name)) = word.split_once(&format!("{PACKAGE}."))
                && name.contains('/')
            {
                let request = request.take();
                calls.push((name.to_owned(), request.unwrap_or_else(|| "{}".to_owned())));
            }
        }
    }
    calls
}

/// A request in the order and the names of its message.
fn presented(method: &MethodDescriptor, request: &str) -> String {
    let mut reader = serde_json::Deserializer::from_str(request);
    let message = DynamicMessage::deserialize(method.input(), &mut reader);
    let message =
        message.unwrap_or_else(|error| panic!("{}: {error}: {request}", method.full_name()));
    reader.end().unwrap();
    let mut out = Serializer::pretty(Vec::new());
    let options = SerializeOptions::new().use_proto_field_name(true);
    message.serialize_with_options(&mut out, &options).unwrap();
    String::from_utf8(out.into_inner()).unwrap()
}
