use portcullis_core::clock::Timestamp;
use portcullis_core::key::{KeyFilter, KeyStatus, LastUsed, NamePart, Span};
use portcullis_core::store::PagePosition;

use super::lists::{self, List, parts};
use super::place::{Order, Place};
use crate::sqlite::error::Failure;

/// How the keys of a filter are found: see the module's table.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) order: Order,
    /// One after the other.
    pub(super) stretches: Vec<Stretch<'a>>,
}

/// The entries that all of some lists have, over a range of their value.
#[derive(Debug)]
pub(super) struct Stretch<'a> {
    pub(super) lists: Vec<List<'a>>,
    /// The first value.
    from: i64,
    /// The value after the last.
    pub(super) until: i64,
}

impl<'a> Plan<'a> {
    pub(super) fn of(filter: &'a KeyFilter, now: Timestamp) -> Self {
        let joined = filter.owner.is_some()
            || filter.scope.is_some()
            || filter.name.is_some()
            || filter.last_used == Some(LastUsed::Never);
        match (filter.last_used, filter.status) {
            _ if joined => Self::by_creation(filter),
            (Some(LastUsed::Within(span)), _) => Self::by_last_use(filter, span),
            (_, status) if filter.expires_before.is_some() => Self::by_expiry(filter, status, now),
            _ if filter.created.is_some() => Self::by_creation(filter),
            (_, status @ Some(_)) => Self::by_expiry(filter, status, now),
            _ => Self::by_creation(filter),
        }
    }

    fn by_creation(filter: &'a KeyFilter) -> Self {
        let mut all = Vec::new();
        let service = filter.service.as_ref().map(|service| service.as_str());
        match (filter.last_used, service) {
            (Some(LastUsed::Never), None) => all.push(List::new(lists::UNUSED, [])),
            (Some(LastUsed::Never), Some(service)) => {
                all.push(List::new(lists::UNUSED_OF, [service]));
            }
            (_, service) => all.extend(service.map(|name| List::new(lists::SERVICE, [name]))),
        }
        let equal = [
            (
                lists::OWNER,
                filter.owner.as_ref().map(|owner| owner.as_str()),
            ),
            (
                lists::ENVIRONMENT,
                filter.environment.map(|one| one.as_str()),
            ),
            (
                lists::SCOPE,
                filter.scope.as_ref().map(|scope| scope.as_str()),
            ),
        ];
        for (sql, value) in equal {
            all.extend(value.map(|value| List::new(sql, [value])));
        }
        let name = filter.name.iter().map(NamePart::folded).flat_map(parts);
        all.extend(name.map(|part| List::new(lists::NAME, [part])));
        if all.is_empty() {
            all.push(List::new(lists::ALL, []));
        }
        let stretch = Stretch::within(filter.created.unwrap_or_default(), all);
        Self {
            order: Order::Creation,
            stretches: vec![stretch],
        }
    }

    fn by_last_use(filter: &'a KeyFilter, span: Span) -> Self {
        let list = match &filter.service {
            Some(service) => List::new(lists::USED_OF, [service.as_str()]),
            None => List::new(lists::USED, []),
        };
        Self {
            order: Order::LastUse,
            stretches: vec![Stretch::within(span, vec![list])],
        }
    }

    /// By state; in each those without an expiry come first.
    fn by_expiry(filter: &'a KeyFilter, status: Option<KeyStatus>, now: Timestamp) -> Self {
        let ended = now.as_millis().saturating_add(1);
        let before = filter.expires_before.map(Timestamp::as_millis);
        let (states, from, until): (&[&str], _, _) = match status {
            Some(KeyStatus::Active) => (&["active"], ended, i64::MAX),
            Some(KeyStatus::Disabled) => (&["disabled"], ended, i64::MAX),
            Some(KeyStatus::Expired) => (&["active", "disabled"], i64::MIN, ended),
            Some(KeyStatus::Revoked) => (&["revoked"], i64::MIN, i64::MAX),
            // The row is asked, whatever a later version means.
            _ => (&["active", "disabled", "revoked"], i64::MIN, i64::MAX),
        };
        let endless = before.is_none() && until == i64::MAX;
        let until = before.map_or(until, |before| before.min(until));
        let service = filter.service.as_ref().map(|service| service.as_str());
        let mut stretches = Vec::new();
        for state in states {
            let list = |all, of_service| {
                let sql = if service.is_some() { of_service } else { all };
                vec![List::new(sql, [*state].into_iter().chain(service))]
            };
            if endless {
                let lists = list(lists::ENDLESS, lists::ENDLESS_OF);
                stretches.push(Stretch::within(Span::default(), lists));
            }
            stretches.push(Stretch {
                lists: list(lists::ENDING, lists::ENDING_OF),
                from,
                until,
            });
        }
        Self {
            order: Order::Expiry,
            stretches,
        }
    }

    /// Where the walk begins, or goes on.
    pub(super) fn start(&self, after: Option<&PagePosition>) -> Result<Place, Failure> {
        let Some(position) = after else {
            return Ok(self.start_of(0));
        };
        let place = Place::read(position, self.order, self.stretches.len())?;
        // Time has gone on since: what the stretch began with may be over.
        Ok(place.max(self.start_of(place.stretch)))
    }

    pub(super) fn start_of(&self, stretch: u8) -> Place {
        let from = self.stretches.get(usize::from(stretch));
        Place {
            stretch,
            value: from.map_or(0, |stretch| stretch.from),
            number: 0,
        }
    }
}

impl<'a> Stretch<'a> {
    fn within(span: Span, lists: Vec<List<'a>>) -> Self {
        Self {
            lists,
            from: span.from.map_or(i64::MIN, Timestamp::as_millis),
            until: span.until.map_or(i64::MAX, Timestamp::as_millis),
        }
    }
}
