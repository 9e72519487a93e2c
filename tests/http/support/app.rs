//! An application, in the words of no framework: each framework builds its own from it.

use std::{future::Future, sync::Arc};

use super::{
    client::Client,
    script::{Meeting, run},
};
use crate::framework::{self, Ask, BoxFuture, SessionError, Sessions};

/// Answers a request.
pub(crate) type Handler = Arc<dyn Fn(Ask) -> BoxFuture<Result<Reply, Failure>> + Send + Sync>;
/// Sees a request before the handler.
pub(crate) type Before = Arc<dyn Fn(Ask) -> BoxFuture<Result<(), Failure>> + Send + Sync>;
/// Sees the status of the answer after it. Another answer takes the place of the first.
pub(crate) type After = Arc<dyn Fn(Ask, u16) -> BoxFuture<Result<Option<Reply>, Failure>> + Send + Sync>;

/// What a handler answers.
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Each is a line of its own.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

pub(crate) enum Body {
    Text(String),
    /// Made while the answer is being sent.
    Streamed(BoxFuture<String>),
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Text(String::new()) }
    }

    pub(crate) fn streamed(body: impl Future<Output = String> + Send + 'static) -> Self {
        Self { body: Body::Streamed(Box::pin(body)), ..Self::status(200) }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn text(self, text: impl Into<String>) -> Self {
        Self { body: Body::Text(text.into()), ..self }
    }
}

impl<T: Into<String>> From<T> for Reply {
    fn from(text: T) -> Self {
        Self::status(200).text(text)
    }
}

/// What a handler fails with. In actix-web it comes through all middlewares as an `Err`; in axum it is a response at once.
pub(crate) enum Failure {
    Session(SessionError),
    Other(Reply),
}

impl Failure {
    pub(crate) fn status(status: u16) -> Self {
        Self::Other(Reply::status(status).text("as the test wants"))
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

/// What is around the handlers.
#[derive(Clone)]
pub(crate) enum Around {
    Sessions(Sessions),
    Passive,
    Hooks(Before, After),
    /// Tells the meeting if the future of a request is dropped before it ends.
    Watched(Arc<Meeting>),
}

/// Routes, and what is around them.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) routes: Vec<(&'static str, Handler)>,
    pub(crate) scopes: Vec<(&'static str, Self)>,
    /// From the inside to the outside.
    pub(crate) around: Vec<Around>,
    pub(crate) meeting: Arc<Meeting>,
}

impl App {
    pub(crate) fn new() -> Self {
        Self { routes: Vec::new(), scopes: Vec::new(), around: Vec::new(), meeting: Arc::default() }
    }

    /// For every method.
    pub(crate) fn route<F>(mut self, path: &'static str, handler: impl Fn(Ask) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Reply, Failure>> + framework::MaySend + 'static,
    {
        self.routes.push((path, Arc::new(move |ask| framework::boxed(handler(ask)))));
        self
    }

    /// The scripts under `/do`.
    pub(crate) fn scripts(self) -> Self {
        self.scripts_at("/do/{steps}")
    }

    pub(crate) fn scripts_at(self, path: &'static str) -> Self {
        let meeting = Arc::clone(&self.meeting);
        self.route(path, move |ask| run(ask, Arc::clone(&meeting)))
    }

    /// Routes below a path, with middlewares of their own. They share the meeting.
    pub(crate) fn scope(mut self, prefix: &'static str, routes: impl FnOnce(Self) -> Self) -> Self {
        let inner = Self { meeting: Arc::clone(&self.meeting), ..Self::new() };
        self.scopes.push((prefix, routes(inner)));
        self
    }

    /// Around all routes and what is around them so far.
    pub(crate) fn wrap(self, sessions: Sessions) -> Self {
        self.around(Around::Sessions(sessions))
    }

    pub(crate) fn around(mut self, around: Around) -> Self {
        self.around.push(around);
        self
    }

    /// A middleware that sees each request.
    pub(crate) fn before<F>(self, before: impl Fn(Ask) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + framework::MaySend + 'static,
    {
        let before: Before = Arc::new(move |ask| framework::boxed(before(ask)));
        self.around(Around::Hooks(before, Arc::new(|_, _| framework::boxed(async { Ok(None) }))))
    }

    /// A middleware that sees each answer.
    pub(crate) fn after<F>(self, after: impl Fn(Ask, u16) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Option<Reply>, Failure>> + framework::MaySend + 'static,
    {
        let after: After = Arc::new(move |ask, status| framework::boxed(after(ask, status)));
        self.around(Around::Hooks(Arc::new(|_| framework::boxed(async { Ok(()) })), after))
    }

    /// A client of this application in the same process.
    pub(crate) async fn client(self) -> Client {
        let meeting = Arc::clone(&self.meeting);
        Client { send: framework::service(self).await, meeting }
    }
}
