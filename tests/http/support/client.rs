//! A client inside the process.

use std::{future::Future, rc::Rc, sync::Arc};

use futures::future::{LocalBoxFuture, join};
use gsession::SessionId;

use super::{NAME, PATIENCE, answer::Answer, app::App, request::Request, script::Meeting};
use crate::framework::Sessions;

/// What passes a request to a service in the same process.
pub(crate) type Send = Rc<dyn Fn(Request) -> LocalBoxFuture<'static, Answer>>;

/// Asks a service.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) send: Send,
    pub(crate) meeting: Arc<Meeting>,
}

impl Client {
    /// A client of an app with nothing but the middleware and the scripts.
    pub(crate) async fn of(sessions: Sessions) -> Self {
        App::new().scripts().wrap(sessions).client().await
    }

    pub(crate) async fn send(&self, request: Request) -> Answer {
        (self.send)(request).await
    }

    /// Does steps without presenting anything.
    pub(crate) async fn new_does(&self, steps: &str) -> Answer {
        self.send(Request::get(format!("/do/{steps}"))).await
    }

    /// Does steps, presenting an id in the default cookie.
    pub(crate) async fn does(&self, id: &SessionId, steps: &str) -> Answer {
        self.with_cookie(&format!("{NAME}={}", id.as_str()), steps).await
    }

    /// The same by a method that asks for a change.
    pub(crate) async fn posts(&self, id: &SessionId, steps: &str) -> Answer {
        let cookie = format!("{NAME}={}", id.as_str());
        self.send(Request::post(format!("/do/{steps}")).header("cookie", cookie)).await
    }

    /// Does steps, sending a `Cookie` header.
    pub(crate) async fn with_cookie(&self, line: &str, steps: &str) -> Answer {
        self.with_header("cookie", line, steps).await
    }

    /// Does steps, sending a header.
    pub(crate) async fn with_header(&self, name: &str, value: &str, steps: &str) -> Answer {
        self.send(Request::get(format!("/do/{steps}")).header(name, value)).await
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
