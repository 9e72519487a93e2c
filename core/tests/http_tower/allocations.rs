//! What a request allocates above the same service without sessions. The counts are exact, so that a slower path shows as another
//! number.

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    pin::pin,
    task::{Context, Poll, Waker},
};

use allocation_counter::measure;
use bytes::Bytes;
use gsession::{
    MemoryStorage,
    tower::{SessionExt as _, SessionLayer},
};
use http::{HeaderValue, Request, Response};
use tower::{Layer as _, Service, service_fn};

type Answer = Ready<Result<Response<()>, Infallible>>;

/// With a header, as nearly every response has one.
fn untouched(_: Request<()>) -> Answer {
    ready(Ok(Response::builder().header("content-type", "text/plain").body(()).unwrap()))
}

fn read(request: Request<()>) -> Answer {
    let user: Option<String> = at_once(request.get_session().get("user")).unwrap();
    assert!(user.is_some());
    untouched(request)
}

fn read_write(request: Request<()>) -> Answer {
    let session = request.get_session();
    let n: u64 = at_once(session.get("n")).unwrap().unwrap();
    session.set("n", &(n + 1)).unwrap();
    untouched(request)
}

fn write(request: Request<()>) -> Answer {
    request.get_session().set("n", &1).unwrap();
    untouched(request)
}

fn login(request: Request<()>) -> Answer {
    let session = request.get_session();
    session.set("user", "ada").unwrap();
    session.set("n", &100).unwrap();
    untouched(request)
}

/// The output of a future that does not wait: the storage is in memory.
fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

/// As a server and a router leave it: its headers are parts of one buffer, and something is in its extensions.
fn request(cookie: &str) -> Request<()> {
    let buffer = Bytes::from(format!("cookie: {cookie}"));
    let cookie = HeaderValue::from_maybe_shared(buffer.slice(8..)).unwrap();
    Request::builder().header("cookie", cookie).extension("matched").body(()).unwrap()
}

/// Of many calls the number is the same.
fn allocations<S, B>(mut service: S, cookie: &str) -> u64
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
{
    let mut count = || {
        let request = request(cookie);
        measure(|| drop(at_once(service.call(request)))).count_total
    };
    for _ in 0..70 {
        count();
    }
    let first = count();
    assert!((0..99).all(|_| count() == first), "not always the same");
    first
}

#[test]
fn allocations_in_memory() {
    let sessions = SessionLayer::new(MemoryStorage::new());
    let Ok(answer) = at_once(sessions.layer(service_fn(login)).call(request("other=1")));
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let bare = allocations(service_fn(untouched), &cookie);
    let handlers = [untouched, read, read_write, write];
    let above = handlers.map(|handler| allocations(sessions.layer(service_fn(handler)), &cookie) - bare);
    assert_eq!(above, [2, 4, 9, 10]);
}
