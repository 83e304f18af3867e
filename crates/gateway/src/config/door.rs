use std::ops::Range;

use http::Method;
use portcullis::key::Environments;
use portcullis::scope::{Permission, Requirement};
use toml::Spanned;

use super::file::{Permissions, Route};
use super::name::Auth;
use super::needs::Needs;
use super::pairs::Pairs;
use super::plan::{DoorPlan, KeyTerms, with_more};
use super::route::Reader;
use super::services::{permissions, value};
use crate::route::MethodSet;

impl Reader<'_> {
    /// Whom a route lets in.
    pub(super) fn door(&mut self, route: Route, methods: &MethodSet) -> Option<DoorPlan> {
        let auth = value(route.auth);
        if auth == Some(Auth::Open) {
            let asked = [
                route
                    .service
                    .as_ref()
                    .map(|given| (given.span(), "service")),
                route
                    .environment
                    .as_ref()
                    .map(|given| (given.span(), "environment")),
                route
                    .permissions
                    .as_ref()
                    .map(|given| (given.span(), "permissions")),
                route
                    .any_permission
                    .as_ref()
                    .map(|given| (given.span(), "any_permission")),
                route
                    .by_method
                    .as_ref()
                    .map(|given| (given.span(), "by_method")),
                route
                    .end_with_key
                    .as_ref()
                    .map(|given| (given.span(), "end_with_key")),
                route
                    .cut_off
                    .as_ref()
                    .map(|given| (given.span(), "cut_off")),
            ];
            for (span, field) in asked.into_iter().flatten() {
                self.find(
                    span,
                    format!("an open route asks for no key: expected no {field}"),
                );
            }
            return Some(DoorPlan::Open);
        }
        let Some(service) = route.service else {
            self.missing("service", "service = \"orders\", or auth = \"open\"");
            return None;
        };
        self.findings.extend(self.known.check_service(&service));
        let own = permissions(
            route
                .permissions
                .map(Spanned::into_inner)
                .unwrap_or_default(),
            self.findings,
        );
        let any = self.any_of(route.any_permission);
        let name = service.into_inner().0;
        // Of a service with faults of its own nothing is known, and nothing built.
        let service = self.services.iter().find(|service| service.name == name)?;
        let requirement = with_more(&service.requirement, own, any);
        let environment = value(route.environment).or(service.environment);
        let terms = KeyTerms {
            service: name,
            environments: environment.map_or(Environments::ALL, Environments::only),
            by_method: self.by_method(route.by_method, methods, &requirement),
            requirement,
        };
        Some(match auth {
            Some(Auth::Optional) => DoorPlan::Optional(terms),
            _ => DoorPlan::Required(terms),
        })
    }

    /// Permissions of which one is needed.
    fn any_of(&mut self, listed: Option<Spanned<Permissions>>) -> Option<Vec<Permission>> {
        let listed = listed?;
        if listed.get_ref().is_empty() && !self.is_faulty(&listed.span()) {
            self.find(listed.span(), "expected one permission at least");
        }
        Some(permissions(listed.into_inner(), self.findings))
    }

    /// Whether something in a value was taken out for a fault, so that less seems to be there.
    pub(super) fn is_faulty(&self, span: &Range<usize>) -> bool {
        let mut findings = self.findings.iter();
        findings.any(|finding| span.contains(&finding.span.start))
    }

    /// What single methods need beside what all need.
    fn by_method(
        &mut self,
        table: Option<Spanned<Pairs<Method, Needs>>>,
        methods: &MethodSet,
        all: &Requirement,
    ) -> Vec<(MethodSet, Requirement)> {
        let pairs = table.map(|table| table.into_inner().0).unwrap_or_default();
        let mut found = Vec::new();
        for (method, listed) in pairs {
            let (span, method) = (method.span(), method.into_inner().0);
            if method == Method::HEAD {
                self.find(span, "HEAD asks for what GET does: expected GET");
                continue;
            }
            if !methods.contains(&method) {
                self.find(span, "expected one of the route's methods");
            }
            let Needs(needed) = listed;
            let any = self.any_of(needed.any_permission);
            let listed = permissions(needed.permissions, self.findings);
            found.push((MethodSet::of([method]), with_more(all, listed, any)));
        }
        found
    }
}
