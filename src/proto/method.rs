//! How often a method answers.

use super::rpc;

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
        rpc::of_path(path).map(|rpc| match rpc.streams {
            true => Self::Stream,
            false => Self::Unary,
        })
    }
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
