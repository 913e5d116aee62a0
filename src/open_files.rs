//! How many files and connections this process may have open.

/// Raises the limit as far as the process may, and returns it, where it is known.
/// Systems start processes with a low limit for the sake of old programs that
/// cannot use more; each connection is an open file.
pub fn raise_limit() -> Option<u64> {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => Some(limit),
        Err(error) => {
            tracing::warn!(%error, "The limit of open files could not be raised.");
            rlimit::Resource::NOFILE.get_soft().ok()
        }
    }
}
