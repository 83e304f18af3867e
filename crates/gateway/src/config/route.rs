use std::ops::Range;
use std::sync::Arc;

use http::header::HeaderValue;
use http::{Method, StatusCode};
use toml::Spanned;

use super::ServiceConfig;
use super::fault::Finding;
use super::file::{Condition, Redirection, Respond, Route, Text};
use super::known::Known;
use super::name::Name;
use super::parsed::Parsed;
use super::plan::{ActionPlan, HandlingPlan, RoutePlan};
use super::section::Section;
use super::services::value;
use crate::path::Prefix;
use crate::route::{
    Fate, FixedResponse, HeaderCondition, LivePolicy, Matching, MethodSet, PathPattern,
    PathRewrite, PathTemplate, PatternText, Reach, Redirect, UnknownParameter,
};

/// The most header fields that a route may look at.
const MAX_CONDITIONS: usize = 16;
/// The longest body of a fixed answer, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// Reads one table of a route.
pub(super) struct Reader<'a> {
    pub(super) table: Range<usize>,
    pub(super) known: &'a Known,
    pub(super) services: &'a [ServiceConfig],
    /// What all routes do on the way that do not say it themselves.
    pub(super) common: &'a HandlingPlan,
    pub(super) findings: &'a mut Vec<Finding>,
}

impl Reader<'_> {
    /// Nothing where something is missing that a route cannot be without.
    pub(super) fn route(&mut self, mut route: Route) -> Option<RoutePlan> {
        let name = self.name(route.name.take());
        let live = LivePolicy {
            with_key: match route.end_with_key.as_ref().map(Spanned::get_ref) {
                Some(false) => Fate::Stays,
                _ => LivePolicy::default().with_key,
            },
            cut_off: match &route.cut_off {
                Some(cut_off) => cut_off.get_ref().0.0,
                None => LivePolicy::default().cut_off,
            },
        };
        let path = self.path(route.path.take(), route.prefix.take());
        let handling = self.handling(&mut route);
        let matching = Matching {
            preflights: handling.cors.is_some(),
            host: value(route.host.take()).unwrap_or_default(),
            methods: self.methods(route.methods.take()),
            headers: self.conditions(std::mem::take(&mut route.headers)),
            path: path
                .clone()
                .unwrap_or_else(|| PathPattern::from(&Prefix::root())),
        };
        let action = self.action(&mut route, &matching.path);
        let door = self.door(route, &matching.methods);
        path?;
        Some(RoutePlan {
            name: name?.0,
            matching,
            door: door?,
            action: action?,
            handling,
            live,
        })
    }

    pub(super) fn find(&mut self, span: Range<usize>, message: impl AsRef<str>) {
        self.findings.push(Finding::new(span, message));
    }

    pub(super) fn missing(&mut self, field: &'static str, example: &str) {
        let finding = Finding::missing(self.table.clone(), field, example);
        self.findings.push(finding);
    }

    fn name(&mut self, name: Text<Name>) -> Option<Name> {
        match &name {
            None => self.missing("name", "name = \"orders\""),
            Some(name) if self.known.is_short(&name.get_ref().0) => {
                let message = "expected another name: the route of the service of this name has it";
                self.find(name.span(), message);
            }
            Some(_) => {}
        }
        value(name)
    }

    fn path(&mut self, path: Text<PatternText>, prefix: Text<PatternText>) -> Option<PathPattern> {
        if let (Some(_), Some(prefix)) = (&path, &prefix) {
            self.find(prefix.span(), "expected path or prefix, not both");
        }
        let exact = value(path).map(|text| PathPattern::new(text, Reach::Exact));
        let pattern =
            exact.or_else(|| value(prefix).map(|text| PathPattern::new(text, Reach::Prefix)));
        if pattern.is_none() {
            self.missing("path", "path = \"/orders/{id}\", or prefix = \"/orders\"");
        }
        pattern
    }

    fn methods(&mut self, methods: Option<Spanned<Vec<Spanned<Parsed<Method>>>>>) -> MethodSet {
        let Some(methods) = methods else {
            return MethodSet::Any;
        };
        if methods.get_ref().is_empty() && !self.is_faulty(&methods.span()) {
            self.find(
                methods.span(),
                "expected one method at least; all if left out",
            );
        }
        MethodSet::of(
            methods
                .into_inner()
                .into_iter()
                .map(|method| method.into_inner().0),
        )
    }

    fn conditions(&mut self, tables: Vec<Spanned<Section<Condition>>>) -> Box<[HeaderCondition]> {
        if let Some(first) = tables.get(MAX_CONDITIONS) {
            let message = format!("expected at most {MAX_CONDITIONS} header fields");
            self.find(first.span(), message);
        }
        let mut conditions: Vec<HeaderCondition> = Vec::new();
        for table in tables {
            let span = table.span();
            let Condition {
                name,
                value: wanted,
            } = table.into_inner().0;
            let Some(name) = name else {
                let finding = Finding::missing(span, "name", "name = \"x-version\"");
                self.findings.push(finding);
                continue;
            };
            let (place, name) = (name.span(), name.into_inner().0);
            if conditions.iter().any(|before| before.name == name) {
                self.find(
                    place.clone(),
                    "expected a field that no condition before has",
                );
            }
            if !HeaderCondition::is_forwarded(&name) {
                self.find(
                    place,
                    "expected a field that goes to the upstream as it comes",
                );
            }
            let value = value(wanted);
            conditions.push(HeaderCondition { name, value });
        }
        conditions.into()
    }
}

impl Reader<'_> {
    /// What a route does; exactly one thing.
    fn action(&mut self, route: &mut Route, path: &PathPattern) -> Option<ActionPlan> {
        let strips = route.strip_prefix.take();
        let asked = strips.as_ref().is_some_and(|strips| *strips.get_ref());
        let strippable = route.upstream.is_some() && path.reach() == Reach::Prefix;
        if let Some(strips) = strips.filter(|_| asked && !strippable) {
            self.find(strips.span(), "expected a prefix and an upstream beside it");
        }
        let template = route.rewrite.take();
        if let Some(template) = &template
            && (route.upstream.is_none() || asked)
        {
            let message = "expected an upstream beside it, and no strip_prefix";
            self.find(template.span(), message);
        }
        let given = [
            route.upstream.as_ref().map(Spanned::span),
            route.respond.as_ref().map(Spanned::span),
            route.redirect.as_ref().map(Spanned::span),
        ];
        for span in given.into_iter().flatten().skip(1) {
            self.find(span, "expected one of upstream, respond and redirect");
        }
        if let Some(upstream) = route.upstream.take() {
            self.findings.extend(self.known.check_upstream(&upstream));
            let rewrite = match template {
                Some(template) => self.rewrite(&template, path)?,
                None if asked => PathRewrite::WithoutFirst(path.segments().len()),
                None => PathRewrite::AsItIs,
            };
            return Some(ActionPlan::Forward {
                upstream: Arc::clone(&upstream.get_ref().0.0),
                rewrite,
            });
        }
        if let Some(respond) = route.respond.take() {
            return self.respond(respond.span(), respond.into_inner().0);
        }
        if let Some(redirect) = route.redirect.take() {
            return self.redirect(redirect.span(), redirect.into_inner().0);
        }
        self.missing("upstream", "upstream = \"orders\", or respond or redirect");
        None
    }

    fn rewrite(
        &mut self,
        template: &Spanned<Parsed<PatternText>>,
        path: &PathPattern,
    ) -> Option<PathRewrite> {
        match PathTemplate::new(&template.get_ref().0, path) {
            Ok(template) => Some(PathRewrite::Template(template)),
            Err(UnknownParameter(name)) => {
                let message =
                    format!("expected parameters of the route's path: it has no {{{name}}}");
                self.find(template.span(), message);
                None
            }
        }
    }

    fn respond(&mut self, table: Range<usize>, respond: Respond) -> Option<ActionPlan> {
        let status = respond.status.or_else(|| {
            let finding = Finding::missing(table, "status", "status = 200");
            self.findings.push(finding);
            None
        })?;
        let code = u16::try_from(*status.get_ref()).ok();
        let code = code.filter(|code| (200..600).contains(code));
        let Some(code) = code.and_then(|code| StatusCode::from_u16(code).ok()) else {
            self.find(status.span(), "expected a status from 200 to 599");
            return None;
        };
        if let Some(body) = &respond.body {
            if !FixedResponse::may_have_body(code) && !body.get_ref().is_empty() {
                self.find(
                    body.span(),
                    format!("expected no body with status {}", code.as_u16()),
                );
            }
            if body.get_ref().len() > MAX_BODY {
                self.find(body.span(), format!("expected at most {MAX_BODY} bytes"));
            }
        }
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        Some(ActionPlan::Respond(FixedResponse {
            status: code,
            content_type: value(respond.content_type).unwrap_or(plain),
            body: respond
                .body
                .map(Spanned::into_inner)
                .unwrap_or_default()
                .into(),
        }))
    }

    fn redirect(&mut self, table: Range<usize>, redirect: Redirection) -> Option<ActionPlan> {
        let status = match redirect.status {
            None => Some(StatusCode::TEMPORARY_REDIRECT),
            Some(code) => {
                let mut statuses = Redirect::STATUSES.iter();
                let status = statuses.find(|status| i64::from(status.as_u16()) == *code.get_ref());
                if status.is_none() {
                    self.find(code.span(), "expected 301, 302, 303, 307 or 308");
                }
                status.copied()
            }
        };
        let Some(to) = value(redirect.to) else {
            let example = "to = \"https://example.com{path}\"";
            let finding = Finding::missing(table, "to", example);
            self.findings.push(finding);
            return None;
        };
        let status = status?;
        Some(ActionPlan::Redirect(Redirect { to, status }))
    }
}
