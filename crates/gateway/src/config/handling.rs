//! What a route does with its requests and their answers, beside sending them somewhere.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use toml::Spanned;

use super::HumanDuration;
use super::fault::Finding;
use super::file::{Cors, Count, HeaderEdits, Limits, Route, RouteTimeouts, Text, Timeouts};
use super::pairs::Pairs;
use super::parsed::Parsed;
use super::plan::HandlingPlan;
use super::route::Reader;
use super::section::Section;
use super::services::value;
use crate::body::BodyRate;
use crate::headers::edits::Edits;
use crate::headers::spelling;
use crate::headers::upgrade::Protocol;
use crate::route::CorsPlan;
use crate::setting::check_duration;
use crate::tunnel::TunnelIdle;
use crate::upstream::ExchangeTimes;

/// The most fields that each part of an edit may name, and that CORS may.
const MAX_FIELDS: usize = 64;
/// The most protocols of a route.
const MAX_UPGRADES: usize = 16;
/// The most origins of a route.
const MAX_ORIGINS: usize = 256;
/// The longest body that a limit may name: 1 TiB.
const MAX_BODY: u64 = 1 << 40;
/// What routes may say of time.
const LEAST_TIME: Duration = Duration::from_millis(1);
const MOST_TIME: Duration = Duration::from_secs(3600);
const MOST_WHOLE: Duration = Duration::from_secs(86_400);

/// What `[limits]` says of the bodies of all routes.
pub(super) fn common(
    limits: &mut Limits,
    timeouts: &mut Timeouts,
    findings: &mut Vec<Finding>,
) -> HandlingPlan {
    HandlingPlan {
        body_bytes: body_bytes(limits.body_bytes.take(), findings),
        body_rate: value(limits.body_rate.take()).unwrap_or_default(),
        tunnel_idle: tunnel_idle(timeouts.tunnel_idle.take(), findings),
        ..HandlingPlan::default()
    }
}

fn tunnel_idle(time: Text<HumanDuration>, findings: &mut Vec<Finding>) -> TunnelIdle {
    let Some(time) = time else {
        return TunnelIdle::default();
    };
    let idle = time.get_ref().0.get();
    if let Err(invalid) = check_duration("tunnel_idle", idle, LEAST_TIME..=MOST_WHOLE) {
        let message = format!("expected {}", invalid.allowed());
        findings.push(Finding::new(time.span(), message));
    }
    TunnelIdle(idle)
}

fn body_bytes(count: Count, findings: &mut Vec<Finding>) -> Option<u64> {
    let count = count?;
    let bytes = u64::try_from(*count.get_ref()).ok();
    let bytes = bytes.filter(|bytes| *bytes <= MAX_BODY);
    if bytes.is_none() {
        let message = format!("expected 0 to {MAX_BODY} bytes");
        findings.push(Finding::new(count.span(), message));
    }
    bytes
}

impl Reader<'_> {
    /// Takes out of the table what this is about.
    pub(super) fn handling(&mut self, route: &mut Route) -> HandlingPlan {
        let times = route.timeouts.take().map(|table| table.into_inner().0);
        let times = times.unwrap_or_default();
        let own_bytes = body_bytes(route.body_bytes.take(), self.findings);
        let own_rate: Option<BodyRate> = value(route.body_rate.take());
        let cors = route.cors.take();
        let plan = HandlingPlan {
            request: self.edits(route.request_headers.take(), Edits::may_edit_request),
            response: self.edits(route.response_headers.take(), |name| {
                let of_cors = spelling::begins_with(name, "access-control-");
                Edits::may_edit_response(name) && !(cors.is_some() && of_cors)
            }),
            body_bytes: own_bytes.or(self.common.body_bytes),
            body_rate: own_rate.unwrap_or(self.common.body_rate),
            whole: self.time(times.whole.clone(), "whole", MOST_WHOLE),
            times: self.times(times),
            cors: None,
            upgrades: self.upgrades(route),
            tunnel_idle: self.common.tunnel_idle,
        };
        HandlingPlan {
            cors: cors.and_then(|cors| self.cors(cors.into_inner().0)),
            ..plan
        }
    }

    fn upgrades(&mut self, route: &mut Route) -> Arc<[Protocol]> {
        let names = std::mem::take(&mut route.upgrades);
        if let Some(first) = names.first().filter(|_| route.upstream.is_none()) {
            self.find(first.span(), "expected an upstream beside it");
        }
        let upstream = route.upstream.as_ref();
        let switches = upstream.is_none_or(|name| self.known.switches(&name.get_ref().0));
        if let Some(first) = names.first().filter(|_| !switches) {
            self.find(
                first.span(),
                "expected an upstream that is asked in HTTP/1.1",
            );
        }
        if let Some(first) = names.get(MAX_UPGRADES) {
            let message = format!("expected at most {MAX_UPGRADES} protocols");
            self.find(first.span(), message);
        }
        names.into_iter().map(|name| name.into_inner().0).collect()
    }

    fn times(&mut self, times: RouteTimeouts) -> ExchangeTimes {
        ExchangeTimes {
            response: self.time(times.response, "response", MOST_TIME),
            body: self.time(times.body, "body", MOST_TIME),
        }
    }

    fn time(
        &mut self,
        time: Text<HumanDuration>,
        field: &'static str,
        most: Duration,
    ) -> Option<Duration> {
        let time = time?;
        let duration = time.get_ref().0.get();
        match check_duration(field, duration, LEAST_TIME..=most) {
            Ok(()) => Some(duration),
            Err(invalid) => {
                self.find(time.span(), format!("expected {}", invalid.allowed()));
                None
            }
        }
    }

    fn edits(
        &mut self,
        table: Option<Spanned<Section<HeaderEdits>>>,
        may: impl Fn(&HeaderName) -> bool,
    ) -> Edits {
        let Some(table) = table else {
            return Edits::default();
        };
        let HeaderEdits { set, add, remove } = table.into_inner().0;
        let mut check = |name: &Spanned<Parsed<HeaderName>>, at: usize| {
            if !may(&name.get_ref().0) {
                let message = "expected a field that the gateway does not set or read itself, and \
                               that is not of one hop alone";
                self.find(name.span(), message);
            }
            if at == MAX_FIELDS {
                self.find(name.span(), format!("expected at most {MAX_FIELDS} fields"));
            }
        };
        let mut pairs = |pairs: Pairs<HeaderName, Spanned<Parsed<HeaderValue>>>| {
            let pairs = pairs.0.into_iter().enumerate();
            let pairs = pairs.map(|(at, (name, value))| {
                check(&name, at);
                (name.into_inner().0, value.into_inner().0)
            });
            pairs.collect::<Box<[_]>>()
        };
        let (set, add) = (pairs(set), pairs(add));
        let remove = remove.into_iter().enumerate().map(|(at, name)| {
            check(&name, at);
            name.into_inner().0
        });
        let remove: Box<[_]> = remove.collect();
        Edits { remove, set, add }
    }

    fn cors(&mut self, cors: Cors) -> Option<CorsPlan> {
        let Some(origins) = cors.origins else {
            self.missing(
                "cors.origins",
                "cors = { origins = [\"https://example.com\"] }",
            );
            return None;
        };
        let credentials = cors.credentials.is_some_and(|given| given.into_inner());
        let mut listed = origins.get_ref().iter();
        let any = listed.find(|origin| origin.get_ref().0.is_any());
        let is_any = any.is_some();
        if let Some(any) = any {
            let (span, alone) = (any.span(), origins.get_ref().len() == 1);
            if credentials {
                let message = "expected the origins by name: with credentials = true, any page \
                               could read what a user may";
                self.find(span, message);
            } else if !alone {
                self.find(span, "expected * alone, or origins by name");
            }
        }
        if origins.get_ref().is_empty() && !self.is_faulty(&origins.span()) {
            self.find(origins.span(), "expected one origin at least");
        }
        if let Some(more) = origins.get_ref().get(MAX_ORIGINS) {
            let message = format!("expected at most {MAX_ORIGINS} origins");
            self.find(more.span(), message);
        }
        let names = origins.into_inner().into_iter();
        let names = names.filter_map(|origin| origin.into_inner().0.0);
        Some(CorsPlan {
            origins: (!is_any).then(|| names.collect()),
            headers: match cors.headers {
                Some(headers) => self.names(headers),
                None => [AUTHORIZATION, CONTENT_TYPE].into(),
            },
            expose: cors
                .expose
                .map(|names| self.names(names))
                .unwrap_or_default(),
            credentials,
            max_age: self.time(cors.max_age, "max_age", MOST_WHOLE),
        })
    }

    fn names(&mut self, names: Vec<Spanned<Parsed<HeaderName>>>) -> Box<[HeaderName]> {
        if let Some(more) = names.get(MAX_FIELDS) {
            self.find(more.span(), format!("expected at most {MAX_FIELDS} fields"));
        }
        let mut seen = HashSet::new();
        let names = names.into_iter().map(|name| name.into_inner().0);
        names.filter(|name| seen.insert(name.clone())).collect()
    }
}
