use portcullis_core::key::{Environment, KeyFilter, KeyStatus, LastUsed, Span};
use portcullis_core::store::conformance::at;

use super::Fault;
use super::keys::Keys;

/// A filter, and what it is called.
pub type Filter = (String, KeyFilter);

/// Every part of a filter alone, met by many keys and by one of a sample of
/// `count`; each with a service as well.
///
/// # Errors
///
/// Never: every part has the form that it needs.
pub fn parts(count: i64) -> Result<Vec<Filter>, Fault> {
    let mut all = lists(count)?;
    all.extend(ranges(Keys { count }));
    let mut with_service = Vec::new();
    for (name, filter) in &all {
        let of = if name.starts_with("rare") {
            Keys { count }.rare()
        } else {
            3
        };
        let service = Some(Keys::service(of)?);
        let filter = KeyFilter {
            service,
            ..filter.clone()
        };
        with_service.push((format!("{name}, one service"), filter));
    }
    all.extend(with_service);
    Ok(all)
}

/// Parts whose lists are walked together: by two, and with a service.
///
/// # Errors
///
/// Never: every part has the form that it needs.
pub fn combinations(count: i64) -> Result<Vec<Filter>, Fault> {
    let joined = [
        "owner",
        "live",
        "scope",
        "colour",
        "never used",
        "rare owner",
        "rare scope",
    ];
    let mut lists = lists(count)?;
    lists.retain(|(name, _)| joined.contains(&name.as_str()));
    let mut all = Vec::new();
    for (first, one) in &lists {
        for (second, other) in &lists {
            let same = first.replace("rare ", "") == second.replace("rare ", "");
            if first < second && !same {
                let both = KeyFilter {
                    owner: one.owner.clone().or(other.owner.clone()),
                    environment: one.environment.or(other.environment),
                    scope: one.scope.clone().or(other.scope.clone()),
                    name: one.name.clone().or(other.name.clone()),
                    last_used: one.last_used.or(other.last_used),
                    ..KeyFilter::default()
                };
                let service = Some(Keys::service(3)?);
                let name = format!("{first}, {second}");
                all.push((
                    format!("{name}, one service"),
                    KeyFilter {
                        service,
                        ..both.clone()
                    },
                ));
                all.push((name, both));
            }
        }
    }
    Ok(all)
}

/// Collects filters of one part each.
#[derive(Default)]
struct Parts(Vec<Filter>);

impl Parts {
    fn add(&mut self, name: &str, set: impl FnOnce(&mut KeyFilter)) {
        let mut filter = KeyFilter::default();
        set(&mut filter);
        self.0.push((name.to_owned(), filter));
    }
}

fn lists(count: i64) -> Result<Vec<Filter>, Fault> {
    let mut parts = Parts::default();
    parts.add("all", |_| {});
    for (name, owner) in [("owner", "owner 3"), ("rare owner", "rare")] {
        let owner = owner.parse()?;
        parts.add(name, |filter| filter.owner = Some(owner));
    }
    let environments = [
        ("live", Environment::Live),
        ("rare test", Environment::Test),
    ];
    for (name, environment) in environments {
        parts.add(name, |filter| filter.environment = Some(environment));
    }
    for (name, scope) in [("scope", "b:*"), ("rare scope", "rare")] {
        let scope = scope.parse()?;
        parts.add(name, |filter| filter.scope = Some(scope));
    }
    for (name, part) in [
        ("name", "KEY"),
        ("colour", "y Coral"),
        ("rare name", "eedl"),
    ] {
        let part = part.parse()?;
        parts.add(name, |filter| filter.name = Some(part));
    }
    let rare = Keys { count }.rare();
    let spans = [
        ("created", at(count / 16), at(count / 8)),
        ("rare created", Keys::created(rare), Keys::created(rare + 4)),
    ];
    for (name, from, until) in spans {
        let (from, until) = (Some(from), Some(until));
        parts.add(name, |filter| filter.created = Some(Span { from, until }));
    }
    parts.add("never used", |filter| {
        filter.last_used = Some(LastUsed::Never);
    });
    Ok(parts.0)
}

fn ranges(keys: Keys) -> Vec<Filter> {
    let mut parts = Parts::default();
    let spans = [
        ("used", Some(keys.tenths(2)), keys.tenths(8)),
        ("rare used", None, at(0)),
    ];
    for (name, from, until) in spans {
        let until = Some(until);
        let within = LastUsed::Within(Span { from, until });
        parts.add(name, |filter| filter.last_used = Some(within));
    }
    for (name, before) in [("ending", keys.tenths(2)), ("rare ending", at(0))] {
        parts.add(name, |filter| filter.expires_before = Some(before));
    }
    let statuses = [
        ("active", KeyStatus::Active),
        ("disabled", KeyStatus::Disabled),
        ("rare expired", KeyStatus::Expired),
        ("revoked, none", KeyStatus::Revoked),
    ];
    for (name, status) in statuses {
        parts.add(name, |filter| filter.status = Some(status));
    }
    parts.0
}
