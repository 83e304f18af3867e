use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use portcullis_tests::send;

/// How many clients there are of each kind.
pub(super) const CLIENTS: usize = 4;

/// Clients that send one request after the other: half of them GET, half of them POST with a body.
#[derive(Debug)]
pub(super) struct Load {
    is_over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Tally>>,
}

/// What clients saw.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) gets: usize,
    pub(super) posts: usize,
    /// The statuses of GET that were not 200; 0 where there was no answer.
    pub(super) failed_gets: Vec<u16>,
    pub(super) failed_posts: Vec<u16>,
}

impl Load {
    pub(super) fn on(address: SocketAddr) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let client = |method: &'static str| {
            let is_over = Arc::clone(&is_over);
            thread::spawn(move || run(address, method, &is_over))
        };
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| client("GET")).collect();
        clients.extend((0..CLIENTS).map(|_| client("POST")));
        Self { is_over, clients }
    }

    pub(super) fn end(self) -> Tally {
        self.is_over.store(true, Ordering::SeqCst);
        let mut all = Tally::default();
        for client in self.clients {
            let tally = client.join().expect("a client");
            all.gets += tally.gets;
            all.posts += tally.posts;
            all.failed_gets.extend(tally.failed_gets);
            all.failed_posts.extend(tally.failed_posts);
        }
        all
    }
}

fn run(address: SocketAddr, method: &str, is_over: &AtomicBool) -> Tally {
    let is_get = method == "GET";
    let body = if is_get { "" } else { "a body" };
    let request = format!(
        "{method} / HTTP/1.1\r\nhost: gateway.test\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut tally = Tally::default();
    while !is_over.load(Ordering::SeqCst) {
        let status = send(address, request.as_bytes()).status;
        let (count, failed) = match is_get {
            true => (&mut tally.gets, &mut tally.failed_gets),
            false => (&mut tally.posts, &mut tally.failed_posts),
        };
        *count += 1;
        if status != 200 {
            failed.push(status);
        }
        thread::sleep(Duration::from_millis(10));
    }
    tally
}
