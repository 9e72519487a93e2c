//! A small site over plain HTTP, in threads of the test's own process.

use std::{
    net::SocketAddr,
    sync::mpsc,
    thread::{self, JoinHandle},
};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, rt::System, web::ServiceConfig};

/// Every name that ends in `.test` is this machine: a switch of the browser.
pub const NAMES: &str = "--host-resolver-rules=MAP *.test 127.0.0.1";

/// A site that runs until it is dropped.
#[derive(Debug)]
pub struct Site {
    addr: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    /// Starts one with these routes, on a port of its own.
    ///
    /// # Panics
    ///
    /// When there is no port left.
    #[must_use]
    pub fn start(routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> Self {
        let (started, site) = mpsc::channel();
        let thread = thread::spawn(move || {
            System::new().block_on(async move {
                let app = move || App::new().configure(routes.clone());
                let server = HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
                let addr = server.addrs()[0];
                let server = server.run();
                started.send((addr, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (addr, handle) = site.recv().expect("the site has started");
        Self { addr, handle, thread: Some(thread) }
    }

    /// The absolute URL of one of its pages, by a name of this machine.
    #[must_use]
    pub fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.addr.port())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // The command is sent by the call; nobody has to wait here.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A page that says one thing, in a `p`.
#[must_use]
pub fn page(text: &str) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html").body(format!("<!doctype html><title>{text}</title><p>{text}</p>"))
}
