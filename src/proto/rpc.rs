//! The table of RPCs, from the proto files.

pub use table::RPCS;

/// An RPC of the API.
#[derive(Debug, PartialEq, Eq)]
pub struct Rpc {
    /// Its name, such as `pronto.v1.LeadService/SearchLeads`.
    pub name: &'static str,
    /// Whether it answers with a stream.
    pub streams: bool,
}

/// The RPC of a path, such as `/pronto.v1.LeadService/SearchLeads`.
#[must_use]
pub fn of_path(path: &str) -> Option<&'static Rpc> {
    let name = path.strip_prefix('/')?;
    let place = RPCS.binary_search_by(|rpc| rpc.name.cmp(name)).ok()?;
    RPCS.get(place)
}

/// What the build wrote.
mod table {
    use super::Rpc;

    include!(concat!(env!("OUT_DIR"), "/rpcs.rs"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rpc_is_found_by_its_path() {
        assert!(RPCS.is_sorted_by_key(|rpc| rpc.name));
        for rpc in RPCS {
            assert_eq!(of_path(&format!("/{}", rpc.name)), Some(rpc));
        }
        assert_eq!(of_path("/pronto.v1.LeadService/Nothing"), None);
        assert_eq!(of_path("pronto.v1.LeadService/SearchLeads"), None);
    }

    #[test]
    fn streams_are_told_from_other_rpcs() {
        let streams = |path| of_path(path).map(|rpc| rpc.streams);
        assert_eq!(streams("/pronto.v1.JobService/WatchJob"), Some(true));
        assert_eq!(streams("/pronto.v1.JobService/GetJob"), Some(false));
    }
}
