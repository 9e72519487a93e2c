//! The example `close_on_logout`: a WebSocket and a stream of events close when their session ends, over real HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

#[path = "../examples/close_on_logout/client.rs"]
mod client;
#[path = "../examples/close_on_logout/events.rs"]
mod events;
#[path = "../examples/close_on_logout/service.rs"]
mod service;
#[path = "../examples/close_on_logout/socket.rs"]
mod socket;

use std::{net::SocketAddr, sync::mpsc, thread::JoinHandle, time::Duration};

use actix_web::{App, HttpServer, dev::ServerHandle, rt::System};
use client::{Client, Heard, Stream};
use gsession::{AsyncManager, ClientInfo, FileStorage, ManualClock, MemoryStorage};
use gsession_actix::SessionMiddleware;

/// The service, until it is dropped.
struct Place {
    manager: AsyncManager,
    address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Place {
    fn over(sessions: SessionMiddleware) -> Self {
        let manager = sessions.manager().clone();
        let (started, is_started) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            System::new().block_on(async move {
                let app = move || App::new().configure(service::routes(&sessions));
                let server = HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
                let address = server.addrs()[0];
                let server = server.run();
                started.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, handle) = is_started.recv().unwrap();
        Self { manager, address, handle, thread: Some(thread) }
    }

    fn log_in(&self, user: &str) -> (Client, Stream, Stream) {
        let client = Client::logged_in(self.address, user).unwrap();
        let (mut events, mut socket) = (client.events().unwrap(), client.socket().unwrap());
        let hello = Heard::Said(format!("hello {user}"));
        assert_eq!((events.next().unwrap(), socket.next().unwrap()), (hello, Heard::Said(format!("hello {user}"))));
        (client, events, socket)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The command is sent by the call; nobody has to wait here.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    System::new().block_on(future)
}

fn closes(mut events: Stream, mut socket: Stream) {
    assert_eq!((events.next().unwrap(), socket.next().unwrap()), (Heard::LoggedOut, Heard::LoggedOut));
    assert_eq!((events.next().unwrap(), socket.next().unwrap()), (Heard::Closed, Heard::Closed));
}

#[test]
fn a_logout_in_another_window_closes_both() {
    let place = Place::over(service::sessions(MemoryStorage::new()).unwrap());
    let (client, events, socket) = place.log_in("ada");
    let (_other, mut others_events, _) = place.log_in("eve");
    assert_eq!(client.post("/logout").unwrap(), "303");
    closes(events, socket);
    assert!(client.events().is_err() && client.socket().is_err(), "a browser that comes back is refused");
    // The other user hears nothing of it.
    block_on(place.manager.destroy_all_of("eve", None)).unwrap();
    assert_eq!(others_events.next().unwrap(), Heard::LoggedOut);
}

#[test]
fn an_operator_and_a_renewal_and_another_login() {
    let place = Place::over(service::sessions(MemoryStorage::new()).unwrap());
    let (client, events, socket) = place.log_in("ada");
    // The id is renewed by a login in another window, and the socket stays open.
    let id = client.cookie.strip_prefix("id=").unwrap();
    let request = place.manager.begin([id], ClientInfo::default);
    block_on(request.log_in("ada")).unwrap();
    block_on(request.close()).unwrap();
    assert_eq!(block_on(place.manager.destroy_all_of("ada", None)).unwrap(), 1);
    closes(events, socket);
}

#[test]
fn a_logout_in_another_process_closes_both() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions");
    let storage = || FileStorage::open(&path).unwrap();
    let place = Place::over(service::sessions(storage()).unwrap());
    let other = Place::over(service::sessions(storage()).unwrap());
    let (client, events, socket) = place.log_in("ada");
    let client = Client { address: other.address, ..client };
    assert_eq!(client.post("/logout").unwrap(), "303");
    closes(events, socket);
}

#[test]
fn a_session_that_expires_closes_both_although_they_are_open() {
    let clock = ManualClock::default();
    let builder = SessionMiddleware::builder(MemoryStorage::new()).cookie_name("id").cookie_secure(false);
    let place = Place::over(builder.clock(clock.clone()).idle_timeout(Duration::from_secs(600)).build().unwrap());
    let (_client, events, socket) = place.log_in("ada");
    clock.advance(Duration::from_secs(600));
    closes(events, socket);
}
