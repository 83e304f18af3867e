use std::collections::BTreeSet;

use super::super::broken::{Fault, holds};
use super::super::driver::Driver;
use crate::audit::Anchor;
use crate::clock::Timestamp;
use crate::key::{Key, KeyFilter, KeyId};
use crate::keyring::RootName;
use crate::service::Service;
use crate::store::{
    AuditHead, Changes, EventsRequest, Head, Lookup, PagePosition, PageRequest, Revision, RootUse,
    StoreErrorKind, StoredEvent,
};
use crate::usage::KeyUsage;

/// Something that reads.
#[derive(Debug, Clone)]
pub(super) enum Read {
    Load(KeyId),
    Services,
    Head,
    Changes(Since),
    Walk {
        filter: KeyFilter,
        limit: u32,
        now: Timestamp,
    },
    Position(KeyFilter, PagePosition),
    Usage(Vec<KeyId>),
    MostUsed(u32),
    RootUse(RootName, Timestamp),
    Events(EventsRequest),
    Anchors,
    AuditHead,
}

/// From where on changes are asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Since {
    /// A head that the store was at.
    Known(usize),
    /// That with another tag.
    Foreign(usize),
    /// A head that it has yet to reach, so many revisions on.
    Beyond(u64),
}

/// An answer without what is each store's own: its tags, and its order.
#[derive(Debug, PartialEq)]
pub(super) enum Shown {
    Loaded(Place, Box<Option<Key>>),
    Services(Place, Vec<Service>),
    Head(Place),
    Some(Place, BTreeSet<KeyId>, bool),
    All(Place),
    Diverged(Place),
    Keys(Vec<Key>),
    Refused(StoreErrorKind),
    Page,
    Usage(Vec<KeyUsage>),
    MostUsed(usize),
    RootUse(RootUse),
    Events(Vec<StoredEvent>),
    Anchors(Vec<Anchor>),
    AuditHead(AuditHead),
}

/// A head, and whether it is the one that the commit of its revision returned.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place(Revision, bool);

impl Place {
    fn of(head: Head, heads: &[Head]) -> Self {
        let known = usize::try_from(head.revision.count())
            .ok()
            .and_then(|at| heads.get(at));
        Self(head.revision, known == Some(&head))
    }
}

impl Read {
    /// Asks the driver's store, whose commits returned `heads`.
    pub(super) async fn ask(&self, driver: &Driver, heads: &[Head]) -> Result<Shown, Fault> {
        let store = &driver.store;
        let place = |head| Place::of(head, heads);
        Ok(match self.clone() {
            Self::Load(id) => {
                let loaded = store.load(Lookup::Id(id)).await?;
                Shown::Loaded(place(loaded.head), Box::new(loaded.key))
            }
            Self::Services => {
                let loaded = store.load_services().await?;
                Shown::Services(place(loaded.head), loaded.services)
            }
            Self::Head => Shown::Head(place(store.head().await?)),
            Self::Changes(since) => match store.changes(since.head(heads)?).await? {
                Changes::Some {
                    head,
                    keys,
                    services,
                } => Shown::Some(place(head), keys.into_iter().collect(), services),
                Changes::All { head } => Shown::All(place(head)),
                Changes::Diverged { head } => Shown::Diverged(place(head)),
            },
            Self::Walk { filter, limit, now } => walk(driver, &filter, limit, now).await?,
            Self::Position(filter, position) => {
                let request = PageRequest {
                    filter,
                    after: Some(position),
                    limit: 1,
                    now: super::super::at(0),
                };
                let answer = store.page(request).await;
                answer.map_or_else(|error| Shown::Refused(error.kind()), |_| Shown::Page)
            }
            Self::Usage(keys) => Shown::Usage(store.usage(keys).await?),
            // Which they are is a hint, and each store's own affair.
            Self::MostUsed(limit) => Shown::MostUsed(store.most_used(limit).await?.len()),
            Self::RootUse(name, now) => Shown::RootUse(store.root_use(name, now).await?),
            Self::Events(request) => Shown::Events(store.events(request).await?),
            Self::Anchors => Shown::Anchors(store.anchors().await?),
            Self::AuditHead => Shown::AuditHead(store.audit_head().await?),
        })
    }

    /// Its name in a tally.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Load(_) => "load",
            Self::Services => "load_services",
            Self::Head => "head",
            Self::Changes(_) => "changes",
            Self::Walk { .. } => "walk",
            Self::Position(..) => "position",
            Self::Usage(_) => "usage",
            Self::MostUsed(_) => "most_used",
            Self::RootUse(..) => "root_use",
            Self::Events(_) => "events",
            Self::Anchors => "anchors",
            Self::AuditHead => "audit_head",
        }
    }
}

/// Every key of the listing, by id.
async fn walk(
    driver: &Driver,
    filter: &KeyFilter,
    limit: u32,
    now: Timestamp,
) -> Result<Shown, Fault> {
    let mut keys = driver.list(filter, limit, now).await?;
    let plain = KeyFilter {
        service: None,
        ..filter.clone()
    };
    if plain == KeyFilter::default() {
        let sorted = keys.is_sorted_by_key(|key| key.created_at);
        holds("the oldest come first", sorted)?;
    }
    keys.sort_by_key(|key| key.id);
    Ok(Shown::Keys(keys))
}

impl Since {
    fn head(self, heads: &[Head]) -> Result<Head, Fault> {
        let known = |at: usize| {
            let head = heads.get(at).or(heads.last());
            head.copied()
                .ok_or_else(|| Fault::new("a store without a head"))
        };
        Ok(match self {
            Self::Known(at) => known(at)?,
            Self::Foreign(at) => Head {
                tag: !known(at)?.tag,
                ..known(at)?
            },
            Self::Beyond(count) => {
                let last = known(usize::MAX)?;
                let revision = last.revision.count().saturating_add(count);
                Head {
                    revision: Revision::new(revision),
                    ..last
                }
            }
        })
    }
}

impl Shown {
    /// How it ended, in a tally.
    pub(super) fn ending(&self) -> &'static str {
        match self {
            Self::Some(..) => "some",
            Self::All(_) => "all",
            Self::Diverged(_) => "diverged",
            Self::Keys(keys) if keys.is_empty() => "empty",
            Self::Loaded(_, key) if key.is_none() => "empty",
            Self::Events(events) if events.is_empty() => "empty",
            Self::Refused(kind) => kind.as_str(),
            _ => "done",
        }
    }
}
