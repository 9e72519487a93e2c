//! Servers of axum, and of hyper where axum has no setting.

use std::{net::SocketAddr, thread::JoinHandle};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    sync::oneshot,
};

use super::{Sessions, app::build};
use crate::support::{
    app::App,
    server::{Fate, Leaving, Protocol},
};

/// A server in threads of its own, until it is dropped.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

fn runtime(workers: usize) -> Runtime {
    match workers {
        1 => Builder::new_current_thread().enable_all().build(),
        _ => Builder::new_multi_thread().worker_threads(workers).enable_all().build(),
    }
    .unwrap()
}

pub(crate) fn serve(protocol: Protocol, workers: usize, app: App) -> Running {
    let (started, running) = std::sync::mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::spawn(move || {
        runtime(workers).block_on(async move {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            started.send(listener.local_addr().unwrap()).unwrap();
            let router = build(app);
            let serving = async {
                match protocol {
                    Protocol::Http1 | Protocol::Http1NotHalfClosed | Protocol::Http2 => {
                        axum::serve(listener, router).await.unwrap();
                    }
                    Protocol::Http1HalfClosed => half_closed(listener, router).await,
                }
            };
            tokio::select! {
                () = serving => {}
                _ = stopped => {}
            }
        });
    });
    Running { addr: running.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
}

/// As [`axum::serve`], with the setting of hyper that axum does not pass on.
async fn half_closed(listener: TcpListener, router: Router) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let mut server = auto::Builder::new(TokioExecutor::new());
            server.http1().half_close(true);
            // A connection that is reset ends by an error.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Serves until the process is asked to terminate, then waits for logouts in the background.
pub(crate) fn run_until_terminated(app: App, sessions: Sessions, started: impl FnOnce(SocketAddr)) {
    runtime(1).block_on(async move {
        let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        started(listener.local_addr().unwrap());
        let stop = async move { terminated.recv().await.unwrap() };
        axum::serve(listener, build(app)).with_graceful_shutdown(stop).await.unwrap();
        sessions.shutdown().await;
    });
}

/// Over HTTP/1, hyper polls a handler only when it is woken.
pub(crate) const POLLS_WHEN_IT_READS: bool = false;

/// While a handler runs, hyper looks whether its client has left, and then drops the handler: over HTTP/2 always; over HTTP/1
/// unless half-closed connections are allowed, because hyper then reads nothing before the answer.
pub(crate) fn fate(protocol: Protocol, leaving: Leaving) -> Fate {
    match (protocol, leaving) {
        // The handler is told by the body first.
        (_, Leaving::ResetsInBody) => Fate::RunsOn,
        // It looks no further while there are bytes that it has not used.
        (_, Leaving::ResetsWithBytes) | (Protocol::Http1HalfClosed, _) => Fate::RunsOn,
        (_, Leaving::ResetsAtOnce) => Fate::NotBegun,
        (_, Leaving::GoesAway) => Fate::RunsOn,
        _ => Fate::Dropped,
    }
}

/// Of two requests on one connection. The bytes of the second one keep hyper from noticing anything while the first one is
/// handled; afterwards it notices.
pub(crate) fn fates_of_two(protocol: Protocol, leaving: Leaving) -> (Fate, Fate) {
    let second = match (protocol, leaving) {
        (Protocol::Http1HalfClosed, Leaving::Ends) => Fate::RunsOn,
        _ => Fate::NotBegun,
    };
    (Fate::RunsOn, second)
}

/// A client that says goodbye is answered before the connection is closed.
pub(crate) fn has_left(leaving: Leaving) -> bool {
    leaving != Leaving::GoesAway
}
