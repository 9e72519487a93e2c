//! actix-web, as the suite sees it: how it builds an application, and where it differs.
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of it")]

mod app;
mod server;

use std::{
    future::{Future, Ready, ready},
    pin::Pin,
    rc::Rc,
    sync::Arc,
};

use actix_http::Request as ActixRequest;
use actix_service::Transform as _;
use actix_web::{
    HttpRequest, HttpResponse, ResponseError as _,
    body::{self, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse},
    error::{Error, InternalError},
    http::StatusCode,
    test::TestRequest,
    web,
};
use futures::StreamExt as _;
use gsession_actix::{Passive, SessionExt as _};

pub(crate) use gsession_actix::{
    Session, SessionError, SessionMiddleware as Sessions, SessionMiddlewareBuilder as Builder,
};
pub(crate) use server::{POLLS_WHEN_IT_READS, Running, fate, fates_of_two, has_left, run_until_terminated, serve};

use crate::support::{
    answer::Answer,
    app::{App, Body, Failure, Reply},
    client::{Client, Send},
    request::{Request, value_in},
};

/// What names the fix where the middleware is missing.
pub(crate) const FIX: &str = "SessionMiddleware";

/// The bodies that an error may have that says nothing but its status.
pub(crate) fn opaque_bodies(status: u16) -> Vec<&'static str> {
    vec![reason(status)]
}

/// The body of an error that the middleware answers instead of the handler.
pub(crate) fn replaced_body(status: u16) -> &'static str {
    reason(status)
}

/// The status that an error is answered with.
pub(crate) fn status_of(error: &SessionError) -> u16 {
    error.status_code().as_u16()
}

/// An error as the framework passes it on, shown.
pub(crate) fn shown_error(error: SessionError) -> String {
    let error = Error::from(error);
    format!("{error} {error:?}")
}

/// The services of the middlewares, shown.
pub(crate) async fn shown_services(sessions: Sessions) -> Vec<String> {
    let sessions = sessions.new_transform(Inner).await.unwrap();
    let passive = Passive.new_transform(Inner).await.unwrap();
    vec![format!("{sessions:?} {sessions:#?}"), format!("{passive:?} {passive:#?} {Passive:?}")]
}

/// A service that can be shown.
#[derive(Debug)]
struct Inner;

impl Service<ServiceRequest> for Inner {
    type Response = ServiceResponse;
    type Error = Error;
    type Future = Ready<Result<ServiceResponse, Error>>;

    actix_service::always_ready!();

    fn call(&self, request: ServiceRequest) -> Self::Future {
        ready(Ok(request.into_response(HttpResponse::Ok().finish())))
    }
}

fn reason(status: u16) -> &'static str {
    StatusCode::from_u16(status).unwrap().canonical_reason().unwrap()
}

/// A future of a handler. Workers never pass requests on to other threads.
pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T>>>;

pub(crate) trait MaySend {}

impl<T> MaySend for T {}

pub(crate) fn boxed<T>(future: impl Future<Output = T> + 'static) -> BoxFuture<T> {
    Box::pin(future)
}

/// What handlers and other middlewares know of a request.
pub(crate) struct Ask {
    request: HttpRequest,
    payload: Option<web::Payload>,
}

impl Ask {
    /// Its session, or that of the middleware around, once the inner one is done.
    pub(crate) fn session(&self) -> Session {
        self.request.get_session()
    }

    pub(crate) fn named(&self, name: &str) -> Session {
        self.request.get_session_named(name)
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        Some(self.request.headers().get(name)?.to_str().unwrap().to_owned())
    }

    /// The last segment of the path.
    pub(crate) fn tail(&self) -> &str {
        self.request.path().rsplit('/').next().unwrap()
    }

    /// A value in the query, or an empty text.
    pub(crate) fn query(&self, name: &str) -> String {
        value_in(self.request.query_string(), name)
    }

    /// The next part of the body; `Err` if it is cut off.
    pub(crate) async fn chunk(&mut self) -> Option<Result<(), ()>> {
        self.payload.as_mut()?.next().await.map(|chunk| chunk.map(drop).map_err(drop))
    }

    /// Everything that is kept with the request, shown.
    pub(crate) fn extensions(&self) -> String {
        let extensions = actix_web::HttpMessage::extensions(&self.request);
        format!("{:?} {:#?}", *extensions, *extensions)
    }
}

/// The application in this process.
pub(crate) async fn service(app: App) -> Send {
    sending(actix_web::test::init_service(actix_web::App::new().service(app::build(app))).await)
}

/// A client of an application of actix-web's own, without scripts.
pub(crate) fn client(
    service: impl Service<ActixRequest, Response = ServiceResponse<impl MessageBody + 'static>, Error = Error> + 'static,
) -> Client {
    Client { send: sending(service), meeting: Arc::default() }
}

fn sending(
    service: impl Service<ActixRequest, Response = ServiceResponse<impl MessageBody + 'static>, Error = Error> + 'static,
) -> Send {
    Rc::new(move |request| {
        let method = request.method.parse().unwrap();
        let test = TestRequest::with_uri(&request.path).method(method);
        let Request { headers, body, .. } = request;
        let test = headers.into_iter().fold(test, |test, header| test.append_header(header));
        let test = body.into_iter().fold(test, TestRequest::set_payload);
        let outcome = service.call(test.to_request());
        Box::pin(async move { answer(outcome.await).await })
    })
}

/// An error that came through all services is made a response as by the server.
async fn answer<B: MessageBody + 'static>(outcome: Result<ServiceResponse<B>, Error>) -> Answer {
    let response = match outcome {
        Ok(response) => response.into_parts().1.map_into_boxed_body(),
        Err(error) => error.error_response(),
    };
    let (head, body) = response.into_parts();
    let body = body::to_bytes(body).await.ok().unwrap();
    let headers = head.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    Answer {
        status: head.status().as_u16(),
        headers: headers.collect(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

impl From<Reply> for HttpResponse {
    fn from(reply: Reply) -> Self {
        let mut response = Self::build(StatusCode::from_u16(reply.status).unwrap());
        for header in reply.headers {
            response.append_header(header);
        }
        match reply.body {
            Body::Text(text) => response.body(text),
            Body::Streamed(text) => {
                let once = futures::stream::once(async { Ok::<_, Error>(web::Bytes::from(text.await)) });
                response.body(body::BodyStream::new(Box::pin(once)))
            }
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Session(error) => error.into(),
            Failure::Other(reply) => InternalError::from_response("as the test wants", reply.into()).into(),
        }
    }
}
