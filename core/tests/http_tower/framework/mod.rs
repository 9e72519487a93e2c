//! axum, as the suite sees it: how it builds an application, and where it differs.
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of it")]

mod app;
mod server;

use std::{convert::Infallible, future::Future, pin::Pin, rc::Rc};

use axum::{
    body::{Body, BodyDataStream},
    response::{IntoResponse, Response},
};
use futures::StreamExt as _;
use gsession::tower::{Passive, SessionExt as _};
pub(crate) use gsession::tower::{Session, SessionError, SessionLayer as Sessions, SessionLayerBuilder as Builder};
use http::{HeaderName, HeaderValue, Request as HttpRequest, StatusCode, request::Parts};
pub(crate) use server::{POLLS_WHEN_IT_READS, Running, fate, fates_of_two, has_left, run_until_terminated, serve};
use tower::{Layer as _, ServiceExt as _};

use crate::support::{
    answer::Answer,
    app::{self as suite, App, Failure, Reply},
    client::Send,
    request::{Request, value_in},
};

/// What names the fix where the layer is missing.
pub(crate) const FIX: &str = "SessionLayer";

/// The bodies that an error may have that says nothing but its status.
///
/// What a handler returns says its reason. The layer does not know the type of the body that it would have to make, so what
/// it answers itself is empty.
pub(crate) fn opaque_bodies(status: u16) -> Vec<&'static str> {
    vec![StatusCode::from_u16(status).unwrap().canonical_reason().unwrap(), replaced_body(status)]
}

/// The body of an error that the layer answers instead of the handler.
pub(crate) fn replaced_body(_: u16) -> &'static str {
    ""
}

/// The status that an error is answered with.
pub(crate) fn status_of(error: &SessionError) -> u16 {
    error.status()
}

/// An error as the framework passes it on, shown.
pub(crate) fn shown_error(error: SessionError) -> String {
    let response = error.into_response();
    format!("{response:?} {response:#?}")
}

/// The services of the layers, shown.
pub(crate) async fn shown_services(sessions: Sessions) -> Vec<String> {
    let (sessions, passive) = (sessions.layer(()), Passive.layer(()));
    vec![format!("{sessions:?} {sessions:#?}"), format!("{passive:?} {passive:#?} {Passive:?}")]
}

/// A future of a handler. Any thread may go on with it.
pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + std::marker::Send>>;

pub(crate) trait MaySend: std::marker::Send {}

impl<T: std::marker::Send> MaySend for T {}

pub(crate) fn boxed<T>(future: impl Future<Output = T> + std::marker::Send + 'static) -> BoxFuture<T> {
    Box::pin(future)
}

/// What handlers and other middlewares know of a request.
pub(crate) struct Ask {
    parts: Parts,
    body: Option<BodyDataStream>,
}

impl Ask {
    pub(crate) fn session(&self) -> Session {
        self.parts.get_session()
    }

    pub(crate) fn named(&self, name: &str) -> Session {
        self.session().named(name)
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        Some(self.parts.headers.get(name)?.to_str().unwrap().to_owned())
    }

    /// The last segment of the path.
    pub(crate) fn tail(&self) -> &str {
        self.parts.uri.path().rsplit('/').next().unwrap()
    }

    /// A value in the query, or an empty text.
    pub(crate) fn query(&self, name: &str) -> String {
        value_in(self.parts.uri.query().unwrap_or_default(), name)
    }

    /// What becomes of the connection after the answer 101.
    pub(crate) fn upgrade(mut self) -> hyper::upgrade::OnUpgrade {
        self.parts.extensions.remove().unwrap()
    }

    /// The next part of the body; `Err` if it is cut off.
    pub(crate) async fn chunk(&mut self) -> Option<Result<(), ()>> {
        self.body.as_mut()?.next().await.map(|chunk| chunk.map(drop).map_err(drop))
    }

    /// Everything that is kept with the request, shown.
    pub(crate) fn extensions(&self) -> String {
        format!("{0:?} {0:#?} {1:?}", self.parts.extensions, self.parts.extensions.get::<Session>())
    }
}

/// The application in this process.
pub(crate) async fn service(app: App) -> Send {
    sending(app::build(app))
}

/// A client of a router of axum's own.
pub(crate) fn sending(router: axum::Router) -> Send {
    Rc::new(move |request| {
        let router = router.clone();
        Box::pin(async move { answer(router.oneshot(asked(request)).await).await })
    })
}

fn asked(request: Request) -> HttpRequest<Body> {
    let mut asked = HttpRequest::builder().method(request.method).uri(request.path);
    for (name, value) in request.headers {
        asked = asked.header(name, value);
    }
    asked.body(request.body.map_or_else(Body::empty, Body::from)).unwrap()
}

async fn answer(Ok(response): Result<Response, Infallible>) -> Answer {
    let (head, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let headers = head.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    Answer { status: head.status.as_u16(), headers: headers.collect(), body: String::from_utf8(body.to_vec()).unwrap() }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let body = match self.body {
            suite::Body::Text(text) => Body::from(text),
            suite::Body::Streamed(text) => {
                Body::from_stream(futures::stream::once(async { Ok::<_, Infallible>(text.await) }))
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap();
        for (name, value) in self.headers {
            response.headers_mut().append(HeaderName::from_static(name), HeaderValue::from_str(&value).unwrap());
        }
        response
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Session(error) => error.into_response(),
            Self::Other(reply) => reply.into_response(),
        }
    }
}
