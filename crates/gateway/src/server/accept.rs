use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::ServerStats;

const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Takes connections and outlives every error in doing so.
///
/// A connection that is gone before it was taken says nothing of the next one. Any other error
/// (too many open files above all) would come again at once: it is counted, logged, and followed
/// by a pause that doubles up to a second, until a connection is taken.
#[derive(Debug)]
pub(super) struct Acceptor {
    listener: TcpListener,
    stats: ServerStats,
    pause: Option<Duration>,
}

impl Acceptor {
    pub(super) const fn new(listener: TcpListener, stats: ServerStats) -> Self {
        Self {
            listener,
            stats,
            pause: None,
        }
    }

    /// The next connection. Nothing is lost if this is dropped before it is ready.
    pub(super) async fn next(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(connection) => {
                    self.pause = None;
                    return connection;
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    let pause = next_pause(self.pause);
                    self.pause = Some(pause);
                    self.stats.accept_failed();
                    tracing::warn!(%error, ?pause, "cannot take connections");
                    sleep(pause).await;
                }
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

fn next_pause(last: Option<Duration>) -> Duration {
    last.map_or(SHORTEST_PAUSE, |last| (last * 2).min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_open_files_is_waited_out_with_longer_and_longer_pauses() {
        const EMFILE: i32 = 24;
        assert!(!is_of_one_connection(&io::Error::from_raw_os_error(EMFILE)));
        assert!(is_of_one_connection(
            &io::ErrorKind::ConnectionAborted.into()
        ));

        let mut pause = None;
        let pauses: Vec<_> = (0..10)
            .map(|_| {
                pause = Some(next_pause(pause));
                pause.unwrap().as_millis()
            })
            .collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    }
}
