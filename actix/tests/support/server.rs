//! A real server, spoken to in bytes.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread::JoinHandle,
};

use actix_web::{
    App, Error, HttpServer,
    body::MessageBody,
    dev::{ServerHandle, ServiceRequest, ServiceResponse},
    middleware::{Next, from_fn},
    rt::System,
    web,
};
use gsession_actix::SessionMiddleware;

use super::{
    PATIENCE,
    script::{Meeting, run},
};

/// What a server speaks, on plain TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    /// Takes the end of what a client sends for the end of the client.
    Http1NotHalfClosed,
    /// And HTTP/1, whichever a client begins with.
    Http2,
}

/// Runs in threads of its own, with one worker, until it is dropped.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) meeting: web::Data<Meeting>,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn of(sessions: SessionMiddleware) -> Self {
        Self::speaking(Protocol::Http1, sessions)
    }

    pub(crate) fn speaking(protocol: Protocol, sessions: SessionMiddleware) -> Self {
        let meeting = web::Data::<Meeting>::default();
        let data = meeting.clone();
        let (started, addr) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            System::new().block_on(async move {
                let app = move || {
                    let app = App::new().app_data(data.clone()).wrap(sessions.clone()).wrap(from_fn(watch));
                    app.route("/do/{steps}", web::get().to(run))
                };
                let server = HttpServer::new(app).workers(1).disable_signals();
                let server = server.h1_allow_half_closed(protocol != Protocol::Http1NotHalfClosed);
                let free = ("127.0.0.1", 0);
                let server = match protocol {
                    Protocol::Http1 | Protocol::Http1NotHalfClosed => server.bind(free),
                    Protocol::Http2 => server.bind_auto_h2c(free),
                };
                let server = server.unwrap();
                let addr = server.addrs()[0];
                let server = server.run();
                started.send((addr, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (addr, handle) = addr.recv().unwrap();
        Self { addr, meeting, handle, thread: Some(thread) }
    }

    /// A connection on which a request has been sent.
    pub(crate) fn connect(&self, request: &[u8]) -> TcpStream {
        Self::connect_at(self.addr, request)
    }

    fn connect_at(addr: SocketAddr, request: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request).unwrap();
        stream
    }

    /// A connection on which a request has been answered, and another one sent. Dropping it resets it, because the answer
    /// was never read: a server may take a mere end of the client's stream for one that only has nothing more to ask.
    pub(crate) fn connect_to_break_off(&self, request: &[u8]) -> TcpStream {
        Self::connect_to_break_off_at(self.addr, request)
    }

    /// The same, of a server in another process.
    pub(crate) fn connect_to_break_off_at(addr: SocketAddr, request: &[u8]) -> TcpStream {
        let stream = Self::connect_at(addr, &[&Self::request("/do/hold", &[]), request].concat());
        assert_eq!(stream.peek(&mut [0]).unwrap(), 1, "the first answer is here");
        stream
    }

    /// The bytes of a request: its path, and header lines without their ends.
    pub(crate) fn request(path: &str, headers: &[&[u8]]) -> Vec<u8> {
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n").into_bytes();
        for header in headers {
            request.extend_from_slice(header);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        request
    }

    /// Asks, and reads until the server closes: an empty text if it hung up without an answer.
    pub(crate) fn ask(&self, path: &str, headers: &[&[u8]]) -> Raw {
        Self::ask_at(self.addr, path, headers)
    }

    /// The same, of a server in another process.
    pub(crate) fn ask_at(addr: SocketAddr, path: &str, headers: &[&[u8]]) -> Raw {
        let headers: Vec<&[u8]> =
            [b"Connection: close".as_slice()].into_iter().chain(headers.iter().copied()).collect();
        let mut answer = Vec::new();
        // A connection that is reset has no more to say either.
        let _ = Self::connect_at(addr, &Self::request(path, &headers)).read_to_end(&mut answer);
        Raw(String::from_utf8(answer).unwrap())
    }
}

/// Tells the meeting if the future of a request is dropped before it ends. Outside of the session middleware, so that what
/// that does after the handler is a part of the request.
async fn watch(req: ServiceRequest, next: Next<impl MessageBody>) -> Result<ServiceResponse<impl MessageBody>, Error> {
    struct Watched {
        meeting: web::Data<Meeting>,
        ended: bool,
    }

    impl Drop for Watched {
        fn drop(&mut self) {
            if !self.ended {
                self.meeting.dropped.notify_one();
            }
        }
    }

    let meeting = req.app_data::<web::Data<Meeting>>().unwrap().clone();
    let mut watched = Watched { meeting, ended: false };
    let outcome = next.call(req).await;
    watched.ended = true;
    outcome
}

impl Drop for Server {
    fn drop(&mut self) {
        // The command is sent by the call; nobody has to wait here.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Raw(pub(crate) String);

impl Raw {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn status(&self) -> u16 {
        self.0.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{self:?}"))
    }

    pub(crate) fn cookies(&self) -> Vec<&str> {
        let head = self.0.split("\r\n\r\n").next().unwrap_or_default();
        head.lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
            .map(|(_, value)| value)
            .collect()
    }

    pub(crate) fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default()
    }
}
