use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::Either;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use http::{Method, Request, Response};
use tower::{Layer, Service};
use tower_http::cors::{AllowMethods, AllowOrigin, Cors, CorsLayer};

use super::MethodSet;

/// Which pages of other origins a browser lets read a route's answers (the Fetch standard's CORS
/// protocol).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CorsPlan {
    /// None of them where any will do, which credentials forbid.
    pub(crate) origins: Option<Box<[HeaderValue]>>,
    /// The request fields that a page may set.
    pub(crate) headers: Box<[HeaderName]>,
    /// The answer's fields that a page may read.
    pub(crate) expose: Box<[HeaderName]>,
    /// Whether a page may have the browser's cookies sent.
    pub(crate) credentials: bool,
    /// How long a browser may remember what a preflight was told.
    pub(crate) max_age: Option<Duration>,
}

/// Answers preflights before anybody is asked for a key, and tells browsers of all other answers
/// who may read them.
#[derive(Debug, Clone)]
pub(crate) struct CorsDoor<S> {
    inner: S,
    cors: Option<Cors<S>>,
}

impl CorsPlan {
    /// What stands around a route that answers these methods.
    fn layer(&self, methods: &MethodSet) -> CorsLayer {
        let layer = match &self.origins {
            Some(origins) => CorsLayer::new().allow_origin(AllowOrigin::list(origins.to_vec())),
            None => CorsLayer::new().allow_origin(AllowOrigin::any()),
        };
        let methods = match methods.is_any() {
            true => AllowMethods::mirror_request(),
            false => AllowMethods::list(methods.iter().cloned()),
        };
        let layer = layer
            .allow_methods(methods)
            .allow_headers(self.headers.to_vec())
            .expose_headers(self.expose.to_vec())
            .allow_credentials(self.credentials && self.origins.is_some());
        match self.max_age {
            Some(max_age) => layer.max_age(max_age),
            None => layer,
        }
    }
}

impl<S: Clone> CorsDoor<S> {
    pub(crate) fn new(inner: S, plan: Option<&CorsPlan>, methods: &MethodSet) -> Self {
        Self {
            cors: plan.map(|plan| plan.layer(methods).layer(inner.clone())),
            inner,
        }
    }
}

/// The method that a preflight asks for; nothing where a request is no preflight.
pub(super) fn preflighted(method: &Method, headers: &HeaderMap) -> Option<Method> {
    if *method != Method::OPTIONS || !headers.contains_key(ORIGIN) {
        return None;
    }
    let mut lines = headers.get_all(ACCESS_CONTROL_REQUEST_METHOD).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return None;
    };
    Method::from_bytes(line.as_bytes()).ok()
}

impl<S, B, ResBody> Service<Request<B>> for CorsDoor<S>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    ResBody: Default,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = Either<S::Future, <Cors<S> as Service<Request<B>>>::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        match &mut self.cors {
            Some(cors) => cors.poll_ready(cx),
            None => self.inner.poll_ready(cx),
        }
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match &mut self.cors {
            // tower-http takes every OPTIONS for a preflight; one that is none is for the route.
            Some(cors)
                if *request.method() != Method::OPTIONS
                    || preflighted(request.method(), request.headers()).is_some() =>
            {
                Either::Right(cors.call(request))
            }
            _ => Either::Left(self.inner.call(request)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tower::{ServiceExt, service_fn};

    use super::*;

    fn plan(origins: &[&'static str]) -> CorsPlan {
        let origins = origins
            .iter()
            .map(|origin| HeaderValue::from_static(origin));
        let origins: Box<[_]> = origins.collect();
        CorsPlan {
            origins: (!origins.is_empty()).then_some(origins),
            headers: [HeaderName::from_static("x-a")].into(),
            expose: Box::default(),
            credentials: true,
            max_age: None,
        }
    }

    async fn answer(plan: &CorsPlan, method: &str, fields: &[(&str, &str)]) -> Response<String> {
        let inner = service_fn(async |request: Request<()>| {
            Ok::<_, Infallible>(Response::new(format!("reached by {}", request.method())))
        });
        let door = CorsDoor::new(inner, Some(plan), &MethodSet::Any);
        let mut request = Request::builder().method(method);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        door.oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn only_a_preflight_is_answered_here() {
        let plan = plan(&["https://a.test"]);
        let origin = ("origin", "https://a.test");
        let asked = ("access-control-request-method", "PUT");
        let preflight = answer(&plan, "OPTIONS", &[origin, asked]).await;
        assert_eq!(preflight.body(), "");
        assert_eq!(preflight.headers()["access-control-allow-methods"], "PUT");
        for (method, fields) in [
            ("OPTIONS", &[origin][..]),
            ("OPTIONS", &[asked]),
            ("OPTIONS", &[origin, asked, asked]),
            ("OPTIONS", &[origin, ("access-control-request-method", "")]),
            ("GET", &[origin, asked]),
        ] {
            let answer = answer(&plan, method, fields).await;
            assert_eq!(answer.body(), &format!("reached by {method}"), "{fields:?}");
        }
    }

    #[tokio::test]
    async fn any_origin_is_never_told_with_credentials() {
        let origin = ("origin", "https://evil.test");
        let told = answer(&plan(&[]), "GET", &[origin]).await;
        assert_eq!(told.headers()["access-control-allow-origin"], "*");
        assert!(
            !told
                .headers()
                .contains_key("access-control-allow-credentials")
        );
        let told = answer(&plan(&["https://a.test"]), "GET", &[origin]).await;
        assert!(!told.headers().contains_key("access-control-allow-origin"));
        assert_eq!(
            told.headers()["vary"].to_str().unwrap().split(',').next(),
            Some("origin")
        );
    }
}
