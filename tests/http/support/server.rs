//! A real server, spoken to in bytes.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

use super::{
    PATIENCE,
    app::{App, Around},
    script::Meeting,
};
use crate::framework::{self, Running, Sessions};

/// What a server speaks, on plain TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// As the framework does by default.
    Http1,
    /// Answers clients that have said all they had to say.
    Http1HalfClosed,
    /// Takes the end of what a client sends for the end of the client.
    Http1NotHalfClosed,
    /// And HTTP/1, whichever a client begins with.
    Http2,
}

/// How a client leaves before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// HTTP/1: resets the connection.
    Resets,
    /// HTTP/1: sends some bytes, and resets the connection before the server has read them.
    ResetsWithBytes,
    /// HTTP/1: resets the connection before the server has read the request.
    ResetsAtOnce,
    /// HTTP/1: resets the connection while the handler reads the body.
    ResetsInBody,
    /// HTTP/1: closes the connection, or says that it sends nothing more.
    Ends,
    /// HTTP/2: cancels the request.
    Cancels,
    /// HTTP/2: closes the connection.
    Closes,
    /// HTTP/2: says that it will close the connection.
    GoesAway,
    /// HTTP/2: any of these while the handler reads the body.
    LeavesBody,
}

/// What then becomes of the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is dropped where it waits.
    Dropped,
    /// It never begins.
    NotBegun,
    /// As if the client were still there.
    RunsOn,
}

/// Runs in a thread of its own, with one worker, until it is dropped.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) meeting: Arc<Meeting>,
    _running: Running,
}

impl Server {
    pub(crate) fn of(sessions: Sessions) -> Self {
        Self::speaking(Protocol::Http1, sessions)
    }

    /// Watches outside of the session middleware, so that what that does after the handler is a part of the request.
    pub(crate) fn speaking(protocol: Protocol, sessions: Sessions) -> Self {
        let app = App::new().scripts().wrap(sessions);
        let meeting = Arc::clone(&app.meeting);
        let running = framework::serve(protocol, 1, app.around(Around::Watched(Arc::clone(&meeting))));
        Self { addr: running.addr, meeting, _running: running }
    }

    /// A connection on which a request has been sent.
    pub(crate) fn connect(&self, request: &[u8]) -> TcpStream {
        Self::connect_at(self.addr, request)
    }

    /// The same, of a server somewhere else.
    pub(crate) fn connect_at(addr: SocketAddr, request: &[u8]) -> TcpStream {
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
