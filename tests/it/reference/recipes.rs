//! The calls of docs/grpcurl.md.

use std::collections::HashMap;

use super::api::PACKAGE;
use super::shell::{blocks, words};

const RECIPES: &str = include_str!("../../../docs/grpcurl.md");

/// A call of an RPC.
pub struct Call {
    /// Service and name: `LeadService/SearchLeads`.
    pub rpc: String,
    /// Its request as JSON, with variables.
    request: String,
    /// The variable that keeps something of its answer.
    pub kept: Option<Kept>,
}

/// What a variable keeps: the first value under a key, as the recipes' `value` finds it.
pub struct Kept {
    pub variable: String,
    pub key: String,
}

impl Call {
    /// Its request with the values of variables; none where one has no value.
    pub fn request(&self, variables: &HashMap<String, String>) -> Option<String> {
        let mut parts = self.request.split('$');
        let mut request = parts.next()?.to_owned();
        for part in parts {
            let end = part.find(|letter: char| !letter.is_ascii_lowercase());
            let (name, rest) = part.split_at(end.unwrap_or(part.len()));
            request.push_str(variables.get(name)?);
            request.push_str(rest);
        }
        Some(request)
    }
}

impl Kept {
    /// The value, in what grpcurl prints.
    pub fn find(&self, printed: &str) -> Option<String> {
        let start = format!("\"{}\": ", self.key);
        let mut lines = printed.lines();
        let value = lines.find_map(|line| line.trim_start().strip_prefix(&start))?;
        Some(value.trim_matches(['"', ',']).to_owned())
    }
}

/// All calls, in the order of the document.
pub fn calls() -> Vec<Call> {
    let mut calls = Vec::<Call>::new();
    for block in blocks(RECIPES) {
        let mut request = None;
        let mut variable = None;
        let mut words = words(&block).into_iter();
        while let Some(word) = words.next() {
            if word == "grpcurl" || word == "curl" {
                request = None;
            } else if word == "-d" {
                request = words.next();
            } else if let Some(name) = word.strip_suffix("=$") {
                variable = Some(name.to_owned());
            } else if let (Some(call), "value") = (calls.last_mut(), word.as_str()) {
                let (variable, key) = (variable.take(), words.next());
                let kept = variable.zip(key);
                call.kept = kept.map(|(variable, key)| Kept { variable, key });
            } else if let Some((_, name)) = word.split_once(&format!("{PACKAGE}."))
                && name.contains('/')
            {
                calls.push(Call {
                    rpc: name.to_owned(),
                    request: request.take().unwrap_or_else(|| "{}".to_owned()),
                    kept: None,
                });
            }
        }
    }
    calls
}
