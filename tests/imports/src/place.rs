//! An address that servers take in turns, so that a browser does not notice.

use std::{
    net::{SocketAddr, TcpListener},
    sync::mpsc,
    thread::JoinHandle,
};

use actix_web::dev::ServerHandle;
use axum::Router;
use tokio::sync::oneshot;

/// An address of this machine. While nobody serves there, connections wait.
#[derive(Debug)]
pub struct Place(TcpListener);

/// A server, until it is dropped.
#[derive(Debug)]
pub struct Server {
    stop: Option<Stop>,
    thread: Option<JoinHandle<()>>,
}

/// A server of actix-web that does not run yet.
pub struct ActixServer(pub actix_web::dev::Server);

#[derive(Debug)]
enum Stop {
    Actix(ServerHandle),
    Axum(oneshot::Sender<()>),
}

impl Place {
    /// A free one.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it takes a port")]
    pub fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").expect("binding a port"))
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("a bound port has an address")
    }

    /// The address of a page there.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// Serves with actix-web. `start` makes the server from the listener, on the thread of its own that it runs on.
    pub fn serve_actix<F>(&self, start: impl FnOnce(TcpListener) -> F + Send + 'static) -> Server
    where
        F: Future<Output = ActixServer>,
    {
        let (listener, (sender, receiver)) = (self.listener(), mpsc::channel());
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async {
                let ActixServer(server) = start(listener).await;
                sender.send(server.handle()).expect("the test waits");
                server.await.expect("serving");
            });
        });
        let handle = receiver.recv().expect("the server starts");
        Server { stop: Some(Stop::Actix(handle)), thread: Some(thread) }
    }

    /// Serves with axum. `start` makes the application, in the runtime that it runs in.
    pub fn serve_axum<F>(&self, start: impl FnOnce() -> F + Send + 'static) -> Server
    where
        F: Future<Output = Router>,
    {
        let (listener, (sender, receiver)) = (self.listener(), mpsc::channel());
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.expect("starting a runtime").block_on(async {
                let app = start().await;
                listener.set_nonblocking(true).expect("a listener that does not block");
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener of the runtime");
                sender.send(()).expect("the test waits");
                tokio::select! {
                    served = axum::serve(listener, app) => served.expect("serving"),
                    _ = stopped => {}
                }
            });
        });
        receiver.recv().expect("the server starts");
        Server { stop: Some(Stop::Axum(stop)), thread: Some(thread) }
    }

    fn listener(&self) -> TcpListener {
        self.0.try_clone().expect("sharing the port")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        match self.stop.take() {
            Some(Stop::Actix(handle)) => futures::executor::block_on(handle.stop(true)),
            Some(Stop::Axum(stop)) => drop(stop.send(())),
            None => {}
        }
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_none_or(|ended| ended.is_ok()), "the server has failed");
    }
}
