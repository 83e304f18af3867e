use std::task::{Context, Poll};

use http::{Request, Response};
use portcullis_core::Grant;
use portcullis_core::scope::Requirement;
use tower::Service;

use super::ResponseFuture;
use crate::auth::Door;
use crate::body::Body;
use crate::reject::{Dialect, Refusal, Refuser};

/// What [`RequireScopes`](super::RequireScopes) puts around a service.
#[derive(Debug, Clone)]
pub struct RequireScopesService<S> {
    inner: S,
    requirement: Requirement,
}

impl<S> RequireScopesService<S> {
    pub(super) fn new(inner: S, requirement: Requirement) -> Self {
        Self { inner, requirement }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for RequireScopesService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<Body<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let dialect = Dialect::of(request.headers());
        let grant = request.extensions().get::<Grant>();
        let door = request.extensions().get::<Door>();
        match examine(grant, door, &self.requirement) {
            Ok(()) => ResponseFuture::forwarding(self.inner.call(request)),
            Err(Refused::Lacking(grant)) => {
                let hook = door.and_then(|door| door.refuser().hook());
                let refuser = Refuser::new(grant.service(), &self.requirement);
                let refuser = refuser.with_hook(hook.cloned());
                ResponseFuture::refused(refuser.respond(&Refusal::InsufficientScope, dialect))
            }
            Err(Refused::Anonymous(door)) => {
                let refuser = door.refuser();
                ResponseFuture::refused(refuser.respond(&Refusal::MissingCredential, dialect))
            }
            Err(Refused::Unchecked) => {
                tracing::error!("RequireScopes stands outside of any ApiKeyLayer: all is refused");
                ResponseFuture::refused(Refuser::misconfigured(dialect))
            }
        }
    }
}

/// Why a request does not pass.
enum Refused<'a> {
    /// Its key lacks a permission.
    Lacking(&'a Grant),
    /// It has no key, and an optional layer let it pass.
    Anonymous(&'a Door),
    /// Nobody checked its key.
    Unchecked,
}

fn examine<'a>(
    grant: Option<&'a Grant>,
    door: Option<&'a Door>,
    requirement: &Requirement,
) -> Result<(), Refused<'a>> {
    match (grant, door) {
        (Some(grant), _) if grant.meets(requirement) => Ok(()),
        (Some(grant), _) => Err(Refused::Lacking(grant)),
        (None, Some(door)) => Err(Refused::Anonymous(door)),
        (None, None) => Err(Refused::Unchecked),
    }
}
