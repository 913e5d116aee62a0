//! What the descriptors say about a method.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost::Message;
use prost_types::FileDescriptorSet;

use super::DESCRIPTORS;

/// How often a method answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Once.
    Unary,
    /// With a stream.
    Stream,
}

impl Kind {
    /// Of a method of ours, by the path of its calls.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        static KINDS: LazyLock<HashMap<String, Kind>> = LazyLock::new(kinds);
        KINDS.get(path).copied()
    }
}

fn kinds() -> HashMap<String, Kind> {
    // They were encoded by the build; a test reads them.
    let set = FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default();
    let mut kinds = HashMap::new();
    for file in &set.file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                let kind = match method.server_streaming() {
                    true => Kind::Stream,
                    false => Kind::Unary,
                };
                kinds.insert(path, kind);
            }
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_known_by_their_paths() {
        let stream = Kind::of("/pronto.v1.LeadService/SearchLeads");
        assert_eq!(stream, Some(Kind::Stream));
        let unary = Kind::of("/pronto.v1.LeadService/StartLeadSearch");
        assert_eq!(unary, Some(Kind::Unary));
        assert_eq!(Kind::of("/grpc.health.v1.Health/Watch"), None);
    }
}
