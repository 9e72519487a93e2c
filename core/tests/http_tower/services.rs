//! Any service of tower: with an error of its own, a future that stays on its thread, bodies that nobody knows, and readiness.

use std::{
    cell::RefCell,
    convert::Infallible,
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use gsession::{
    Error, Saved, SessionId,
    tower::{Session, SessionBody, SessionExt as _, SessionLayer},
};
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _, service_fn};

use crate::support::{
    NAME,
    client::Client,
    place::{KINDS, Place},
    probe::Op,
    removal, wait_until,
};

/// An error that nothing can be made of.
#[derive(Debug, PartialEq, Eq)]
struct OutOfPaper(u8);

/// The body of a request, and of a response: neither can be made from nothing, copied or sent to another thread.
#[derive(Debug)]
struct Paper(Rc<RefCell<Option<bytes::Bytes>>>);

impl Paper {
    fn of(text: &'static str) -> Self {
        Self(Rc::new(RefCell::new(Some(bytes::Bytes::from_static(text.as_bytes())))))
    }
}

impl Body for Paper {
    type Data = bytes::Bytes;
    type Error = OutOfPaper;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<bytes::Bytes>, OutOfPaper>>> {
        Poll::Ready(self.0.take().map(|text| Ok(Frame::data(text))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(4)
    }
}

/// A service written by hand. It is not `Clone`, and its future is not `Send`.
struct Printer {
    ready_after: usize,
    asked: Arc<AtomicUsize>,
}

impl Service<Request<Paper>> for Printer {
    type Response = Response<Paper>;
    type Error = OutOfPaper;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Paper>, OutOfPaper>>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), OutOfPaper>> {
        if self.asked.fetch_add(1, Ordering::SeqCst) == self.ready_after {
            return Poll::Ready(Ok(()));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn call(&mut self, request: Request<Paper>) -> Self::Future {
        let held = Rc::new(request.get_session());
        Box::pin(async move {
            held.set("printed", &1).unwrap();
            match request.uri().path() {
                "/print" => Ok(Response::new(request.into_body())),
                "/logout" => {
                    held.destroy();
                    Err(OutOfPaper(1))
                }
                _ => Err(OutOfPaper(2)),
            }
        })
    }
}

fn printer() -> Printer {
    Printer { ready_after: 0, asked: Arc::default() }
}

fn asking(path: &str, id: Option<&SessionId>) -> Request<Paper> {
    let mut request = Request::builder().uri(path);
    if let Some(id) = id {
        request = request.header("cookie", format!("{NAME}={}", id.as_str()));
    }
    request.body(Paper::of("text")).unwrap()
}

fn issued<B>(response: &Response<B>) -> SessionId {
    let line = response.headers()["set-cookie"].to_str().unwrap();
    SessionId::parse(line.split(['=', ';']).nth(1).unwrap()).unwrap()
}

async fn frame<B: Body + Unpin>(body: &mut B) -> Option<B::Data>
where
    B::Error: std::fmt::Debug,
{
    let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
    frame.unwrap().into_data().ok()
}

#[tokio::test]
async fn a_service_of_ones_own_has_sessions_and_keeps_its_bodies() {
    for kind in KINDS {
        let place = Place::new(kind);
        let mut service = place.sessions().layer(printer());
        let mut response = service.ready().await.unwrap().call(asking("/print", None)).await.unwrap();
        assert_eq!(place.data(&issued(&response)).unwrap(), ["printed=1"], "{kind:?}");
        // The body is the inner one, in all that it says.
        let body: &mut SessionBody<Paper> = response.body_mut();
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(4), false));
        assert_eq!(frame(body).await.unwrap(), "text");
        assert!(frame(body).await.is_none());
    }
}

#[tokio::test]
async fn an_error_of_the_service_stays_as_it_is_and_nothing_is_stored() {
    for kind in KINDS {
        let place = Place::new(kind);
        let id = Client::of(place.sessions()).await.login().await;
        for id in [None, Some(&id)] {
            let error = place.sessions().layer(printer()).oneshot(asking("/jam", id)).await.unwrap_err();
            assert_eq!(error, OutOfPaper(2), "{kind:?}");
        }
        assert_eq!(place.data(&id).unwrap(), ["user=\"ada\""]);
        assert_eq!(place.living(), 1);
        // What was asked to end has ended all the same, although no cookie can say so.
        let error = place.sessions().layer(printer()).oneshot(asking("/logout", Some(&id))).await.unwrap_err();
        assert_eq!(error, OutOfPaper(1));
        assert_eq!(place.living(), 0, "{kind:?}");
    }
}

/// There is no response that the layer could replace, and the storage cannot change what the service said.
#[tokio::test]
async fn an_error_of_the_service_wins_over_one_of_the_storage() {
    let place = Place::memory();
    let sessions = place.sessions();
    let id = Client::of(sessions.clone()).await.login().await;
    place.probe.fail(&[Op::Remove]);
    let error = sessions.layer(printer()).oneshot(asking("/logout", Some(&id))).await.unwrap_err();
    assert_eq!(error, OutOfPaper(1));
    place.probe.fail(&[]);
    // The logout is tried again in the background.
    wait_until("the session to be ended", || place.record(&id).is_none());
}

#[tokio::test]
async fn readiness_is_that_of_the_service() {
    let (place, asked) = (Place::memory(), Arc::<AtomicUsize>::default());
    let mut service = place.sessions().layer(Printer { ready_after: 3, asked: Arc::clone(&asked) });
    for _ in 0..3 {
        let polled = poll_fn(|cx| Poll::Ready(service.poll_ready(cx))).await;
        assert!(polled.is_pending());
    }
    assert!(poll_fn(|cx| service.poll_ready(cx)).await.is_ok());
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    assert!(service.call(asking("/print", None)).await.is_ok());
}

/// A limit inside the layer holds requests back before they are called.
#[tokio::test]
async fn a_full_service_is_not_called() {
    let place = Place::memory();
    let inner = ServiceBuilder::new().concurrency_limit(1).service(service_fn(reads));
    let mut service = ServiceBuilder::new().layer(place.sessions()).service(inner);
    let first = service.ready().await.unwrap().call(Request::new(()));
    let polled = poll_fn(|cx| Poll::Ready(service.poll_ready(cx))).await;
    assert!(polled.is_pending(), "the only place is taken");
    assert!(first.await.is_ok());
    assert!(service.ready().await.is_ok());
}

async fn reads(request: Request<()>) -> Result<Response<String>, Infallible> {
    let user: Option<String> = request.get_session().get("user").await.unwrap();
    Ok(Response::new(user.unwrap_or_else(|| "nobody".to_owned())))
}

/// Clones of a service, of the layer and of its builder's result share the sessions.
#[tokio::test]
async fn clones_share_everything() {
    fn is_sendable<T: Clone + Send + Sync + 'static>(_: &T) {}

    let place = Place::memory();
    let sessions: SessionLayer = place.sessions();
    let id = Client::of(sessions.clone()).await.login().await;
    let service = sessions.layer(service_fn(reads));
    is_sendable(&service);
    is_sendable(&sessions);
    is_sendable(&Session::named);
    for service in [service.clone(), service] {
        let request = Request::builder().header("cookie", format!("{NAME}={}", id.as_str())).body(()).unwrap();
        let call = service.oneshot(request);
        // The whole call may move to another thread.
        let response = tokio::spawn(call).await.unwrap().unwrap();
        assert_eq!(response.headers()["vary"], "Cookie");
    }
    sessions.manager().destroy(crate::support::key_of(&id)).await.unwrap();
    assert!(place.record(&id).is_none());
}

/// The methods that a service answers beside the ordinary ones.
#[tokio::test]
async fn head_and_options_are_requests_like_others() {
    async fn handler(request: Request<()>) -> Result<Response<String>, Infallible> {
        let session = request.get_session();
        let user: Option<String> = session.get("user").await.unwrap();
        session.set("method", request.method().as_str()).unwrap();
        let status = if user.is_some() { StatusCode::OK } else { StatusCode::NO_CONTENT };
        Ok(Response::builder().status(status).header("set-cookie", "theme=dark").body(String::new()).unwrap())
    }
    for kind in KINDS {
        let place = Place::new(kind);
        let sessions = place.sessions();
        let id = Client::of(sessions.clone()).await.login().await;
        for method in ["HEAD", "OPTIONS"] {
            let ask = |cookie: String| {
                let request = Request::builder().method(method).header("cookie", cookie).body(()).unwrap();
                sessions.clone().layer(service_fn(handler)).oneshot(request)
            };
            let known = ask(format!("{NAME}={}", id.as_str())).await.unwrap();
            assert_eq!(known.status(), 200);
            // The handler's own cookie is there alone.
            assert_eq!(known.headers().get_all("set-cookie").iter().collect::<Vec<_>>(), ["theme=dark"]);
            assert_eq!(place.data(&id).unwrap(), [format!("method=\"{method}\""), "user=\"ada\"".to_owned()]);
            let new = ask("other=1".to_owned()).await.unwrap();
            assert_eq!((new.status().as_u16(), new.headers().get_all("set-cookie").iter().count()), (204, 2));
        }
    }
}

/// A failed removal says nothing about the cookie, and a done one does: also on an error of HTTP.
#[tokio::test]
async fn an_error_that_is_a_response_carries_the_removal() {
    async fn fails(request: Request<()>) -> Result<Response<String>, OutOfPaper> {
        request.get_session().destroy();
        Ok(Response::builder().status(500).body("jam".to_owned()).unwrap())
    }
    let place = Place::memory();
    let sessions = place.sessions();
    let id = Client::of(sessions.clone()).await.login().await;
    let request = Request::builder().header("cookie", format!("{NAME}={}", id.as_str())).body(()).unwrap();
    let response = sessions.layer(service_fn(fails)).oneshot(request).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["set-cookie"].to_str().unwrap()), (500, &*removal()));
    assert_eq!(place.living(), 0);
}

/// As a server drops a request whose client has left, or a timeout one that takes too long.
#[tokio::test]
async fn a_dropped_call_stores_nothing_but_its_task_may() {
    for kind in KINDS {
        let place = Place::new(kind);
        let sessions = place.sessions();
        let id = Client::of(sessions.clone()).await.login().await;
        let (begun, mut tasks) = tokio::sync::mpsc::unbounded_channel();
        let go = Arc::<Notify>::default();
        let wait = Arc::clone(&go);
        let service = sessions.layer(service_fn(move |request: Request<()>| {
            let (session, wait) = (request.get_session(), Arc::clone(&wait));
            session.set("dropped", &1).unwrap();
            let task = tokio::spawn(async move {
                wait.notified().await;
                let closed = session.set("late", &1).unwrap_err();
                assert!(matches!(closed.cause(), Error::Closed), "{closed:?}");
                let own = session.reopen();
                own.set("task", &1).unwrap();
                own.save().await.unwrap()
            });
            begun.send(task).unwrap();
            std::future::pending::<Result<Response<()>, Infallible>>()
        }));
        let request = Request::builder().header("cookie", format!("{NAME}={}", id.as_str())).body(()).unwrap();
        let mut call = Box::pin(service.oneshot(request));
        assert!(poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await.is_pending());
        drop(call);
        go.notify_one();
        assert_eq!(tasks.recv().await.unwrap().await.unwrap(), Saved::Committed, "{kind:?}");
        assert_eq!(place.data(&id).unwrap(), ["task=1", "user=\"ada\""], "{kind:?}");
    }
}
