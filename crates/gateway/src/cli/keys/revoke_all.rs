use std::collections::BTreeSet;
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
use crate::cli::output::counted_are;

/// Ends what met a filter, a page at a time.
pub(super) struct Revocation<'a> {
    pub(super) manager: &'a KeyManager,
    pub(super) present: &'a Present,
    pub(super) reason: &'a RevocationReason,
    pub(super) actor: Actor,
    pub(super) interrupt: &'a Interrupt,
    pub(super) revoked: u64,
    /// Those of the last walk that cannot be read: nobody can say whether the filter means them.
    pub(super) damaged: Vec<DamagedKey>,
}

impl Revocation<'_> {
    /// Goes through the listing until nothing is left in it: a key that is enabled or disabled
    /// meanwhile may stand where it was looked at already. Then come those of times to come.
    pub(super) async fn run(&mut self) -> Result<u64, CliError> {
        while self.walk().await? {}
        let later: Vec<KeyId> = self.present.later.iter().copied().collect();
        for ids in later.chunks(ListKeys::MAX_LIMIT as usize) {
            self.interrupt.check(|| self.not_the_others())?;
            self.revoke(ids.to_vec()).await?;
        }
        for key in &self.present.damaged {
            if !self.damaged.contains(key) {
                self.damaged.push(key.clone());
            }
        }
        Ok(self.revoked)
    }

    /// Goes through the listing once, and tells whether something was left in it.
    async fn walk(&mut self) -> Result<bool, CliError> {
        let before = self.revoked;
        self.damaged.clear();
        let mut pages = Pages::of(self.manager, &self.present.filter);
        loop {
            let page = pages.next().await.map_err(|error| self.failed(&error, 0))?;
            let Some(page) = page else { break };
            self.interrupt.check(|| self.not_the_others())?;
            self.damaged.extend(page.damaged);
            let open = page.keys.iter().filter(|key| is_open(key));
            self.revoke(open.map(|key| key.id).collect()).await?;
        }
        Ok(self.revoked > before)
    }

    /// Ends these by their ids.
    async fn revoke(&mut self, ids: Vec<KeyId>) -> Result<(), CliError> {
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
        let revoked = counted_are(self.revoked, "key");
        format!("{revoked} revoked, and the others not: the same command goes on")
    }

    /// What is told where `tried` keys were being revoked.
    fn failed(&self, error: &Error, tried: usize) -> CliError {
        if error.kind() == ErrorKind::OutcomeUnknown {
            let message = format!(
                "{} revoked, and of {tried} more it is not known, all or none; the others \
                 are not: the same command goes on, and leaves alone what is revoked",
                counted_are(self.revoked, "key")
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

/// What meets a filter at one moment. A key that is made later stays, so that the work has an end,
/// however many are made meanwhile.
///
/// Keys are dated by the clock of the machine that made them. Where one was ahead, or this one was
/// set back, there are keys of times to come. They are meant as well, but no bound is later than all
/// of them and earlier than what is made meanwhile: so they are named one by one.
pub(super) struct Present {
    /// Those that are dated up to now.
    pub(super) filter: KeyFilter,
    /// Those of times to come, but for the revoked ones.
    pub(super) later: BTreeSet<KeyId>,
    /// How many of times to come are revoked already.
    pub(super) revoked_later: u64,
    /// Those that may be of times to come and cannot be read.
    pub(super) damaged: Vec<DamagedKey>,
}

impl Present {
    pub(super) async fn of(
        manager: &KeyManager,
        filter: KeyFilter,
        now: Timestamp,
        interrupt: &Interrupt,
    ) -> Result<Self, CliError> {
        let given = filter.created.unwrap_or_default();
        let end = now.saturating_add(Duration::from_millis(1));
        let within = |created| KeyFilter {
            created: Some(created),
            ..filter.clone()
        };
        let mut present = Self {
            filter: within(Span {
                until: Some(given.until.map_or(end, |until| until.min(end))),
                ..given
            }),
            later: BTreeSet::new(),
            revoked_later: 0,
            damaged: Vec::new(),
        };
        let later = within(Span {
            from: Some(given.from.map_or(end, |from| from.max(end))),
            ..given
        });
        let mut pages = Pages::of(manager, &later);
        while let Some(page) = pages.next().await? {
            interrupt.check(none_yet)?;
            let (open, revoked): (Vec<_>, Vec<_>) = page.keys.iter().partition(|key| is_open(key));
            present.later.extend(open.iter().map(|key| key.id));
            present.revoked_later += revoked.len() as u64;
            present.damaged.extend(page.damaged);
        }
        Ok(present)
    }
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

pub(in crate::cli) async fn count(
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

pub(in crate::cli) fn is_open(key: &Key) -> bool {
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
