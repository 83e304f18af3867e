use metrics::gauge;

use crate::telemetry::names;

/// Files that are open beside the clients' connections and those to upstreams: the database, the
/// log, the runtime's own.
const OTHERS: u64 = 1_024;

/// Lets the program have as many files open as its hard limit says, since each connection is one,
/// and says where that is less than `connections` of clients may need. To be called at the start,
/// and where that number changes.
///
/// The soft limit that most systems begin with (1,024) is for programs that use `select`.
pub(crate) fn raise_file_limit(connections: usize) {
    let Some(limit) = raise() else {
        return;
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "no system opens 2^52 files, and a gauge is a float"
    )]
    gauge!(names::OPEN_FILES_LIMIT).set(limit as f64);
    let wanted = wanted(connections);
    if limit < wanted {
        tracing::warn!(
            limit,
            wanted,
            "the limit of open files (ulimit -n) is lower than limits.connections may need"
        );
    }
}

/// Each client's connection may need one to an upstream.
fn wanted(connections: usize) -> u64 {
    let connections = u64::try_from(connections).unwrap_or(u64::MAX);
    connections.saturating_mul(2).saturating_add(OTHERS)
}

/// The limit that holds from now on; nothing where there is none.
#[cfg(unix)]
fn raise() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let had = getrlimit(Resource::Nofile);
    if had.current == had.maximum {
        return had.current;
    }
    let raised = Rlimit {
        current: had.maximum,
        maximum: had.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => had.maximum,
        Err(error) => {
            tracing::warn!(%error, "cannot raise the limit of open files");
            had.current
        }
    }
}

/// There is no such limit.
#[cfg(not(unix))]
fn raise() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_client_may_need_a_connection_to_an_upstream_as_well() {
        assert_eq!(super::wanted(10_000), 21_024);
        assert_eq!(super::wanted(usize::MAX), u64::MAX);
    }
}
