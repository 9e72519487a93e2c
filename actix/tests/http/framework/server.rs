//! Servers of actix-web.

use std::{net::SocketAddr, thread::JoinHandle};

use actix_web::{App, HttpServer, dev::ServerHandle, rt::System};

use super::{Sessions, app::build};
use crate::support::{
    app,
    server::{Fate, Leaving, Protocol},
};

/// A server in threads of its own, until it is dropped.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

pub(crate) fn serve(protocol: Protocol, workers: usize, app: app::App) -> Running {
    let (started, running) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        System::new().block_on(async move {
            let server = HttpServer::new(move || App::new().service(build(app.clone())));
            let server = server.workers(workers).disable_signals();
            let server = server.h1_allow_half_closed(protocol != Protocol::Http1NotHalfClosed);
            let free = ("127.0.0.1", 0);
            let server = match protocol {
                Protocol::Http1 | Protocol::Http1HalfClosed | Protocol::Http1NotHalfClosed => server.bind(free),
                Protocol::Http2 => server.bind_auto_h2c(free),
            };
            let server = server.unwrap();
            let addr = server.addrs()[0];
            let server = server.run();
            started.send((addr, server.handle())).unwrap();
            server.await.unwrap();
        });
    });
    let (addr, handle) = running.recv().unwrap();
    Running { addr, handle, thread: Some(thread) }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The command is sent by the call; nobody has to wait here.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Serves until the process is asked to terminate. The middleware waits for its logouts by itself.
pub(crate) fn run_until_terminated(app: app::App, _: Sessions, started: impl FnOnce(SocketAddr)) {
    System::new().block_on(async move {
        let server = HttpServer::new(move || App::new().service(build(app.clone())));
        let server = server.workers(1).bind(("127.0.0.1", 0)).unwrap();
        started(server.addrs()[0]);
        server.run().await.unwrap();
    });
}

/// Over HTTP/1 the server goes on reading while a handler runs, and polls the handler each time.
pub(crate) const POLLS_WHEN_IT_READS: bool = true;

/// Over HTTP/1 a handler is a part of its connection, which ends when reading from it fails. Over HTTP/2 it is a task of its own,
/// and nothing that a client does ends it.
pub(crate) fn fate(protocol: Protocol, leaving: Leaving) -> Fate {
    match (protocol, leaving) {
        (Protocol::Http2, _) => Fate::RunsOn,
        (_, Leaving::Resets | Leaving::ResetsInBody) => Fate::Dropped,
        (Protocol::Http1NotHalfClosed, _) => Fate::Dropped,
        // What comes together with bytes is taken for an end.
        _ => Fate::RunsOn,
    }
}

/// Of two requests on one connection: the second one waits behind the first.
pub(crate) fn fates_of_two(protocol: Protocol, leaving: Leaving) -> (Fate, Fate) {
    let fate = fate(protocol, leaving);
    (fate, fate)
}

/// The server closes the connection of a client that says goodbye, whatever is on it.
pub(crate) fn has_left(_: Leaving) -> bool {
    true
}
