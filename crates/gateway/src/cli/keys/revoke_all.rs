use std::time::Duration;

use portcullis::audit::Actor;
use portcullis::clock::Timestamp;
use portcullis::key::{Key, KeyFilter, KeyId, KeyState, KeyStatus, RevocationReason, Span};
use portcullis::manager::{KeyPage, ListKeys};
use portcullis::store::DamagedKey;
use portcullis::{Error, ErrorKind, KeyManager};

use crate::cli::Exit;
use crate::cli::error::CliError;
use crate::cli::interrupt::Interrupt;

/// Ends what meets a filter, a page at a time.
pub(super) struct Revocation<'a> {
    pub(super) manager: &'a KeyManager,
    pub(super) filter: &'a KeyFilter,
    pub(super) reason: &'a RevocationReason,
    pub(super) actor: Actor,
    pub(super) interrupt: &'a Interrupt,
    pub(super) revoked: u64,
    /// Those of the last walk that cannot be read: nobody can say whether the filter means them.
    pub(super) damaged: Vec<DamagedKey>,
}

impl Revocation<'_> {
    /// Goes through the listing until nothing is left in it: a key that is enabled or disabled
    /// meanwhile may stand where it was looked at already.
    pub(super) async fn run(&mut self) -> Result<u64, CliError> {
        loop {
            let before = self.revoked;
            self.damaged.clear();
            let mut pages = Pages::of(self.manager, self.filter);
            loop {
                let page = pages.next().await.map_err(|error| self.failed(&error, 0))?;
                let Some(page) = page else { break };
                self.interrupt.check(|| self.not_the_others())?;
                self.damaged.extend(page.damaged);
                self.revoke(&page.keys).await?;
            }
            if self.revoked == before {
                return Ok(self.revoked);
            }
        }
    }

    async fn revoke(&mut self, keys: &[Key]) -> Result<(), CliError> {
        let ids: Vec<KeyId> = keys
            .iter()
            .filter(|key| is_open(key))
            .map(|key| key.id)
            .collect();
        let count = ids.len();
        if count == 0 {
            return Ok(());
        }
        let revoked = self
            .manager
            .revoke_keys(ids, self.reason.clone(), &self.actor);
        revoked.await.map_err(|error| self.failed(&error, count))?;
        self.revoked += count as u64;
        Ok(())
    }

    fn not_the_others(&self) -> String {
        let revoked = self.revoked;
        format!("{revoked} keys are revoked, and the others not: the same command goes on")
    }

    /// What is told where `tried` keys were being revoked.
    fn failed(&self, error: &Error, tried: usize) -> CliError {
        if error.kind() == ErrorKind::OutcomeUnknown {
            let message = format!(
                "{} keys are revoked, and of {tried} more it is not known, all or none; the others \
                 are not: the same command goes on, and leaves alone what is revoked",
                self.revoked
            );
            return CliError::because(Exit::Partial, message, error);
        }
        let exit = match self.revoked {
            0 => error.kind().into(),
            _ => Exit::Partial,
        };
        CliError::because(exit, self.not_the_others(), error)
    }
}

/// The filter for those alone that there are `now`. A key that is made later stays, so that the
/// work has an end, however many are made meanwhile.
///
/// Keys are dated by the clock of the machine that made them. Where one was ahead, or this one was
/// set back, there are keys of times to come: these are meant as well, and the latest of them is
/// the bound.
pub(super) async fn present(
    manager: &KeyManager,
    filter: KeyFilter,
    now: Timestamp,
    interrupt: &Interrupt,
) -> Result<KeyFilter, CliError> {
    let given = filter.created.unwrap_or_default();
    let from = given.from.map_or(now, |from| from.max(now));
    let later = KeyFilter {
        created: Some(Span {
            from: Some(from),
            ..given
        }),
        ..filter.clone()
    };
    let (mut pages, mut latest) = (Pages::of(manager, &later), now);
    while let Some(page) = pages.next().await? {
        interrupt.check(none_yet)?;
        let made = page.keys.iter().map(|key| key.created_at);
        latest = made.fold(latest, Timestamp::max);
    }
    let end = latest.saturating_add(Duration::from_millis(1));
    let until = given.until.map_or(end, |until| until.min(end));
    Ok(KeyFilter {
        created: Some(Span {
            until: Some(until),
            ..given
        }),
        ..filter
    })
}

/// How many of what meets a filter are revoked already.
pub(super) async fn revoked_before(
    manager: &KeyManager,
    filter: &KeyFilter,
    interrupt: &Interrupt,
) -> Result<u64, CliError> {
    let status = match filter.status {
        None | Some(KeyStatus::Revoked) => Some(KeyStatus::Revoked),
        Some(_) => return Ok(0),
    };
    let filter = KeyFilter {
        status,
        ..filter.clone()
    };
    count(manager, &filter, interrupt, |_| true).await
}

pub(super) async fn count(
    manager: &KeyManager,
    filter: &KeyFilter,
    interrupt: &Interrupt,
    counts: impl Fn(&Key) -> bool,
) -> Result<u64, CliError> {
    let (mut pages, mut count) = (Pages::of(manager, filter), 0);
    while let Some(page) = pages.next().await? {
        interrupt.check(none_yet)?;
        count += page.keys.iter().filter(|key| counts(key)).count() as u64;
    }
    Ok(count)
}

fn none_yet() -> String {
    "no key is revoked".to_owned()
}

pub(super) fn is_open(key: &Key) -> bool {
    !matches!(key.state, KeyState::Revoked(_))
}

/// The keys that meet a filter, a page at a time.
struct Pages<'a> {
    manager: &'a KeyManager,
    next: Option<ListKeys>,
    first: ListKeys,
}

impl<'a> Pages<'a> {
    fn of(manager: &'a KeyManager, filter: &KeyFilter) -> Self {
        let first = ListKeys::matching(filter.clone()).limit(ListKeys::MAX_LIMIT);
        Self {
            manager,
            next: Some(first.clone()),
            first,
        }
    }

    /// The next page; nothing after the last one.
    async fn next(&mut self) -> Result<Option<KeyPage>, Error> {
        let Some(request) = self.next.take() else {
            return Ok(None);
        };
        let mut page = self.manager.list_keys(request).await?;
        let next = page.next.take();
        self.next = next.map(|cursor| self.first.clone().cursor(cursor));
        Ok(Some(page))
    }
}
