//! A client inside the process, and what it is answered.

use std::{future::Future, rc::Rc};

use actix_web::{
    App, Error,
    body::{self, MessageBody},
    dev::ServiceResponse,
    http::header::HeaderMap,
    test::TestRequest,
    web,
};
use futures::future::{LocalBoxFuture, join};
use gsession::SessionId;
use gsession_actix::SessionMiddleware;

use super::{
    ATTRIBUTES, NAME, PATIENCE,
    script::{Meeting, run},
};

/// What a client is answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// An error that came through all services is made a response as by the server.
    pub(crate) async fn of<B: MessageBody + 'static>(outcome: Result<ServiceResponse<B>, Error>) -> Self {
        let response = match outcome {
            Ok(response) => response.into_parts().1.map_into_boxed_body(),
            Err(error) => error.error_response(),
        };
        let (head, body) = response.into_parts();
        let body = body::to_bytes(body).await.ok().unwrap();
        Self {
            status: head.status().as_u16(),
            headers: head.headers().clone(),
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Every line of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).map(|value| value.to_str().unwrap()).collect()
    }

    /// The `Set-Cookie` lines, as they are.
    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.all("set-cookie")
    }

    /// Checks that nothing but one cookie of exactly this form is set, and gives its id.
    pub(crate) fn issued_as(&self, name: &str, attributes: &str) -> SessionId {
        let lines = self.cookies();
        let [line] = lines[..] else { panic!("not one cookie: {lines:?} ({})", self.status) };
        let value =
            line.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')).and_then(|rest| rest.split(';').next());
        let id = SessionId::parse(value.unwrap_or_default()).unwrap_or_else(|_| panic!("no id: {line}"));
        assert_eq!(line, format!("{name}={}{attributes}", id.as_str()));
        id
    }

    /// As [`issued_as`](Self::issued_as), for the default cookie.
    pub(crate) fn issued(&self) -> SessionId {
        self.issued_as(NAME, ATTRIBUTES)
    }

    /// Checks that the client's cookies stay as they are.
    pub(crate) fn no_cookie(&self) {
        assert_eq!(self.cookies(), [""; 0], "{} {}", self.status, self.body);
    }
}

type Send = dyn Fn(TestRequest) -> LocalBoxFuture<'static, Answer>;

/// Asks a service.
#[derive(Clone)]
pub(crate) struct Client {
    send: Rc<Send>,
    pub(crate) meeting: web::Data<Meeting>,
}

/// A client of an app.
macro_rules! client {
    ($app:expr) => {
        $crate::support::client::client!($app, actix_web::web::Data::new($crate::support::script::Meeting::default()))
    };
    ($app:expr, $meeting:expr) => {{
        let service = std::rc::Rc::new(actix_web::test::init_service($app).await);
        let send = move |request: actix_web::test::TestRequest| {
            let outcome = actix_web::dev::Service::call(&*service, request.to_request());
            async move { $crate::support::client::Answer::of(outcome.await).await }
        };
        $crate::support::client::Client::new(send, $meeting)
    }};
}
pub(crate) use client;

impl Client {
    pub(crate) fn new<F: Future<Output = Answer> + 'static>(
        send: impl Fn(TestRequest) -> F + 'static,
        meeting: web::Data<Meeting>,
    ) -> Self {
        Self { send: Rc::new(move |request| Box::pin(send(request))), meeting }
    }

    /// A client of an app with nothing but the middleware and the scripts.
    pub(crate) async fn of(sessions: SessionMiddleware) -> Self {
        let meeting = web::Data::<Meeting>::default();
        let app = App::new().app_data(meeting.clone()).wrap(sessions).route("/do/{steps}", web::route().to(run));
        client!(app, meeting)
    }

    pub(crate) async fn send(&self, request: TestRequest) -> Answer {
        (self.send)(request).await
    }

    /// Does steps without presenting anything.
    pub(crate) async fn new_does(&self, steps: &str) -> Answer {
        self.send(TestRequest::get().uri(&format!("/do/{steps}"))).await
    }

    /// Does steps, presenting an id in the default cookie.
    pub(crate) async fn does(&self, id: &SessionId, steps: &str) -> Answer {
        self.with_cookie(&format!("{NAME}={}", id.as_str()), steps).await
    }

    /// The same by a method that asks for a change.
    pub(crate) async fn posts(&self, id: &SessionId, steps: &str) -> Answer {
        let cookie = ("cookie", format!("{NAME}={}", id.as_str()));
        self.send(TestRequest::post().uri(&format!("/do/{steps}")).insert_header(cookie)).await
    }

    /// Does steps, sending a `Cookie` header.
    pub(crate) async fn with_cookie(&self, line: &str, steps: &str) -> Answer {
        self.with_header("cookie", line, steps).await
    }

    /// Does steps, sending a header.
    pub(crate) async fn with_header(&self, name: &str, value: &str, steps: &str) -> Answer {
        self.send(TestRequest::get().uri(&format!("/do/{steps}")).insert_header((name, value))).await
    }

    /// A session with `user` set to `ada`.
    pub(crate) async fn login(&self) -> SessionId {
        self.new_does("set:user=ada").await.issued()
    }

    /// Runs `slow`, and `quick` from beginning to end while `slow` stands at its `pause`.
    pub(crate) async fn during<A, B>(&self, slow: impl Future<Output = A>, quick: impl Future<Output = B>) -> (A, B) {
        let quick = async {
            self.meeting.arrived.notified().await;
            let answer = quick.await;
            self.meeting.go.notify_one();
            answer
        };
        tokio::time::timeout(PATIENCE, join(slow, quick)).await.expect("the slow request never paused")
    }
}
