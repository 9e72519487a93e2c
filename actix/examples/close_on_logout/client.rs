//! A small client for HTTP, events and WebSockets, so that the example needs no other.

use std::{
    io::{self, BufRead as _, BufReader, Error, ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Much longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client with a cookie.
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) cookie: String,
}

/// What a stream says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Said(String),
    /// It closes, because the user has logged out.
    LoggedOut,
    Closed,
}

/// An answer that goes on.
pub(crate) struct Stream {
    reader: BufReader<TcpStream>,
    is_socket: bool,
}

impl Client {
    pub(crate) fn logged_in(address: SocketAddr, user: &str) -> io::Result<Self> {
        let mut client = Self { address, cookie: String::new() };
        let (head, _) = client.send("POST", &format!("/login/{user}"), "content-length: 0\r\n")?;
        let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
        client.cookie = cookie.ok_or(ErrorKind::InvalidData)?.to_owned();
        Ok(client)
    }

    /// Returns the status.
    pub(crate) fn post(&self, path: &str) -> io::Result<String> {
        Ok(status(&self.send("POST", path, "content-length: 0\r\n")?.0))
    }

    pub(crate) fn events(&self) -> io::Result<Stream> {
        self.open("/events", "", "200", false)
    }

    pub(crate) fn socket(&self) -> io::Result<Stream> {
        let upgrade =
            "upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
        self.open("/socket", upgrade, "101", true)
    }

    fn open(&self, path: &str, headers: &str, wanted: &str, is_socket: bool) -> io::Result<Stream> {
        let (head, reader) = self.send("GET", path, headers)?;
        match status(&head) {
            status if status == wanted => Ok(Stream { reader, is_socket }),
            other => Err(Error::other(format!("{path} is answered {other}"))),
        }
    }

    fn send(&self, method: &str, path: &str, headers: &str) -> io::Result<(String, BufReader<TcpStream>)> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let connection = if headers.contains("upgrade") { "upgrade" } else { "close" };
        let Self { address, cookie } = self;
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: {connection}\r\ncookie: {cookie}\r\n");
        stream.write_all((head + headers + "\r\n").as_bytes())?;
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while reader.read_line(&mut head)? > 2 {}
        Ok((head, reader))
    }
}

fn status(head: &str) -> String {
    head.split(' ').nth(1).unwrap_or_default().to_owned()
}

impl Stream {
    pub(crate) fn next(&mut self) -> io::Result<Heard> {
        if self.is_socket { self.next_message() } else { self.next_event() }
    }

    /// Comments and the lengths of chunks are skipped.
    fn next_event(&mut self) -> io::Result<Heard> {
        let mut line = String::new();
        while self.reader.read_line(&mut line)? > 0 {
            if line.starts_with("event: logged-out") {
                return Ok(Heard::LoggedOut);
            }
            if let Some(said) = line.strip_prefix("data: ") {
                return Ok(Heard::Said(said.trim_end().to_owned()));
            }
            line.clear();
        }
        Ok(Heard::Closed)
    }

    /// Frames of the server are short, and not masked.
    fn next_message(&mut self) -> io::Result<Heard> {
        let mut head = [0; 2];
        if self.reader.read(&mut head[..1])? == 0 {
            return Ok(Heard::Closed);
        }
        self.reader.read_exact(&mut head[1..])?;
        let mut body = vec![0; usize::from(head[1])];
        self.reader.read_exact(&mut body)?;
        Ok(match (head[0] & 0x0f, body.get(2..)) {
            (8, Some(b"logged out")) => Heard::LoggedOut,
            (8, _) => Heard::Closed,
            _ => Heard::Said(String::from_utf8(body).map_err(|_| ErrorKind::InvalidData)?),
        })
    }
}
