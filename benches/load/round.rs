use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use http::header::HeaderValue;
use http::{StatusCode, Uri};
use portcullis_benches::Failure;

use crate::Load;
use crate::client::{Client, bearer};
use crate::proxy::Role;
use crate::side::Side;

/// What one side did in one round.
pub(crate) struct Outcome {
    pub(crate) role: Role,
    /// Requests that were answered a second.
    pub(crate) rate: f64,
    /// Microseconds of the proxy's CPU time for each.
    pub(crate) cpu: f64,
    /// Microseconds from the request to the end of its answer.
    pub(crate) latencies: Histogram<u64>,
}

/// A round that is not told: connections to the upstream are made, caches fill.
const WARM_UP: Duration = Duration::from_millis(500);
const LONGEST: u64 = 60_000_000;

/// Every side has its turn in every round; who begins changes from round to round.
pub(crate) async fn run(sides: &mut [Side], load: &Load) -> Result<Vec<Vec<Outcome>>, Failure> {
    for side in &mut *sides {
        turn(side, load, WARM_UP).await?;
    }
    let time = Duration::from_secs(load.seconds) / load.rounds;
    let mut rounds = Vec::new();
    for _ in 0..load.rounds {
        sides.rotate_left(1);
        let mut outcomes = Vec::new();
        for side in &mut *sides {
            outcomes.push(turn(side, load, time).await?);
        }
        rounds.push(outcomes);
    }
    Ok(rounds)
}

async fn turn(side: &mut Side, load: &Load, time: Duration) -> Result<Outcome, Failure> {
    let mut clients = Vec::new();
    for _ in 0..load.connections {
        clients.push(Client::connect(side.address).await?);
    }
    let tokens: Result<Vec<_>, _> = side.tokens.iter().map(|token| bearer(token)).collect();
    let tokens: Arc<[HeaderValue]> = tokens?.into();
    let cpu = side.cpu().await?;
    let start = Instant::now();
    let workers: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(at, client)| tokio::spawn(work(client, Arc::clone(&tokens), at, start + time)))
        .collect();
    let mut latencies = histogram()?;
    for worker in workers {
        latencies.add(worker.await??)?;
    }
    let took = start.elapsed();
    let cpu = side.cpu().await? - cpu;
    let requests = latencies.len() as f64;
    Ok(Outcome {
        role: side.role,
        rate: requests / took.as_secs_f64(),
        cpu: cpu as f64 / 1_000.0 / requests,
        latencies,
    })
}

/// One connection's requests, one after the other, until the time is over.
async fn work(
    mut client: Client,
    tokens: Arc<[HeaderValue]>,
    first: usize,
    until: Instant,
) -> Result<Histogram<u64>, Failure> {
    let path = Uri::from_static("/orders/7?expand=lines");
    let mut latencies = histogram()?;
    let mut tokens = tokens.iter().cycle().skip(first);
    loop {
        let start = Instant::now();
        if start >= until {
            return Ok(latencies);
        }
        let answer = client.get(&path, tokens.next()).await?;
        if answer.status != StatusCode::OK || answer.length != 128 {
            return Err(format!("answered with {}, {} bytes", answer.status, answer.length).into());
        }
        let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(LONGEST);
        latencies.saturating_record(micros);
    }
}

fn histogram() -> Result<Histogram<u64>, Failure> {
    Ok(Histogram::new_with_bounds(1, LONGEST, 3)?)
}
