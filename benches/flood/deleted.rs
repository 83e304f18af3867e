use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;

use portcullis::audit::Actor;
use portcullis::manager::{NewKey, NewService};
use portcullis::service::ServiceName;
use portcullis::token::Presented;
use portcullis::verdict::{DenialReason, UnavailableCause};
use portcullis::{Context, KeyManager, MemoryStore, Verdict};
use portcullis_benches::{Failure, World};
use tokio::runtime::Builder;

use crate::live::{Live, Phase};

/// Clients that ask at the same time, more than may wait.
const CLIENTS: usize = 2_000;
/// Keys that are issued in one store before it is dropped, and in one change.
const IN_A_STORE: usize = 10_000;
const AT_ONCE: usize = 1_000;

static FREE: ServiceName = ServiceName::from_static("free");

/// Tokens of keys that were issued under the world's keyring, and are gone.
pub(crate) fn tokens(world: &World, count: u32) -> Result<Vec<String>, Failure> {
    let count = count as usize;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let actor = Actor::new("bench")?;
        let mut tokens = Vec::with_capacity(count + IN_A_STORE);
        while tokens.len() < count {
            let manager = KeyManager::builder(MemoryStore::new())
                .keyring(world.keyring.clone())
                .build()
                .await?;
            manager
                .create_service(NewService::new(FREE.clone()), &actor)
                .await?;
            let (owner, name) = ("acme".parse()?, "nightly job".parse()?);
            let key = NewKey::new(FREE.clone(), owner, name);
            for _ in 0..IN_A_STORE / AT_ONCE {
                let keys = vec![key.clone(); AT_ONCE];
                let issued = manager.create_keys(keys, &actor).await?;
                let text = issued.iter().map(|issued| issued.token.expose().to_owned());
                tokens.extend(text);
            }
        }
        tokens.truncate(count);
        Ok(tokens)
    })
}

#[derive(Debug, Default)]
struct Answers {
    unknown: AtomicU64,
    overloaded: AtomicU64,
    other: AtomicU64,
}

/// Presents them all once, while the live keys are timed.
pub(crate) fn flood(
    world: &World,
    live: &Live<'_>,
    tokens: &[String],
) -> Result<(Phase, String), Failure> {
    let (over, answers) = (AtomicBool::new(false), Arc::new(Answers::default()));
    let phase = thread::scope(|scope| {
        scope.spawn(|| {
            let presented = present(world.manager(), tokens, &answers);
            over.store(true, Relaxed);
            presented
        });
        live.beside("beside deleted keys", &over)
    })?;
    let count = |counter: &AtomicU64| counter.load(Relaxed);
    let (unknown, overloaded) = (count(&answers.unknown), count(&answers.overloaded));
    let stats = world.manager().stats();
    if unknown + overloaded != tokens.len() as u64 {
        return Err(format!("{unknown} and {overloaded} of {}", tokens.len()).into());
    }
    // Behind those that somebody waits for, up to 64 that are read ahead.
    if phase.most_running > 64 || phase.most_waiting > 1_024 + 64 {
        let (running, waiting) = (phase.most_running, phase.most_waiting);
        return Err(format!("{running} reads ran and {waiting} waited").into());
    }
    let told = format!(
        "{unknown} looked up, {overloaded} answered 503; at most {} reads ran and {} waited; {} ids \
         are remembered to name no key",
        phase.most_running, phase.most_waiting, stats.negative_entries
    );
    Ok((phase, told))
}

/// Many clients on one thread, each with its own address and a part of the tokens.
fn present(manager: &KeyManager, tokens: &[String], answers: &Arc<Answers>) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut clients = Vec::with_capacity(CLIENTS);
        for client in 0..CLIENTS {
            let mine: Vec<String> = tokens
                .iter()
                .skip(client)
                .step_by(CLIENTS)
                .cloned()
                .collect();
            let (manager, answers) = (manager.clone(), Arc::clone(answers));
            clients.push(tokio::spawn(async move {
                for token in mine {
                    ask(&manager, client as u32, &token, &answers).await;
                }
            }));
        }
        for client in clients {
            client.await?;
        }
        Ok(())
    })
}

async fn ask(manager: &KeyManager, client: u32, token: &str, answers: &Answers) {
    let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + client);
    let context = Context::new(&FREE).client(Some(address.into()));
    let token = Presented::new(token.as_bytes());
    let counter = match manager.validate(token, &context).await {
        Verdict::Denied(denial) if denial.reason() == DenialReason::Unknown => &answers.unknown,
        Verdict::Unavailable(why) if why.cause() == UnavailableCause::Overloaded => {
            &answers.overloaded
        }
        Verdict::Granted(_) | Verdict::Denied(_) | Verdict::Unavailable(_) => &answers.other,
    };
    counter.fetch_add(1, Relaxed);
}
