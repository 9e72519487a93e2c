//! A client that speaks HTTP/2 in frames, so that a test decides in which order they go, and what is said last.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
};

use super::{PATIENCE, server::Server};

/// Types of frames, of RFC 9113.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

const CANCEL: [u8; 4] = [0, 0, 0, 8];

/// The stream of a client's first request.
const STREAM: u32 = 1;

/// A connection with one request on it.
pub(crate) struct Http2 {
    pub(crate) stream: TcpStream,
}

impl Http2 {
    /// Asks, and has said all there is of the request, or leaves its body open.
    pub(crate) fn ask(server: &Server, path: &str, headers: &[(&str, &str)], ended: bool) -> Self {
        let stream = TcpStream::connect(server.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut this = Self { stream };
        this.stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        this.send(SETTINGS, 0, 0, &[]);
        let pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", "localhost"), (":path", path)];
        let block: Vec<u8> = pseudo.iter().chain(headers).flat_map(|(name, value)| field(name, value)).collect();
        this.send(HEADERS, END_HEADERS | if ended { END_STREAM } else { 0 }, STREAM, &block);
        this
    }

    /// Cancels the request, as a browser does when its user leaves the page.
    pub(crate) fn cancel(&mut self) {
        self.send(RST_STREAM, 0, STREAM, &CANCEL);
    }

    /// Says that it is about to close the connection, and that it has seen no stream of the server's.
    pub(crate) fn go_away(&mut self) {
        self.send(GOAWAY, 0, 0, &[0; 8]);
    }

    /// Waits until the server has read all that was sent.
    pub(crate) fn in_step(&mut self) {
        self.send(PING, 0, 0, &[0; 8]);
        self.wait_for(|kind, flags, _| kind == PING && flags == ACK);
    }

    /// Waits for the head of the answer.
    pub(crate) fn answered(&mut self) {
        self.wait_for(|kind, _, stream| kind == HEADERS && stream == STREAM);
    }

    /// Waits until the server has closed the connection.
    pub(crate) fn closed(&mut self) {
        if let Err(error) = self.stream.read_to_end(&mut Vec::new()) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
        }
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let frame = [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat();
        self.stream.write_all(&frame).unwrap();
    }

    fn wait_for(&mut self, wanted: impl Fn(u8, u8, u32) -> bool) {
        loop {
            let mut head = [0; 9];
            self.stream.read_exact(&mut head).unwrap();
            let [a, b, c, kind, flags, stream @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            self.stream.read_exact(&mut payload).unwrap();
            if wanted(kind, flags, u32::from_be_bytes(stream)) {
                return;
            }
        }
    }
}

/// A header field as it is, neither indexed nor compressed (RFC 7541, section 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| {
        assert!(text.len() < 127, "the length fits into one byte");
        [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
    };
    [vec![0], text(name), text(value)].concat()
}
