//! HTTP as a tab of a browser speaks it, with everything that can go wrong told apart.

use std::{
    io::{BufRead as _, BufReader, Error, ErrorKind, Read as _, Result, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// How long an answer may take; longer than any timeout of the service's own.
const PATIENCE: Duration = Duration::from_secs(30);

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// What the cookie is to be from now on; `Some(None)`: it is to be forgotten.
    pub(crate) cookie: Option<Option<String>>,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    Answered(Answer),
    /// Nobody was there; the request has not been sent.
    NotSent,
    /// It has left, and no whole answer came: nobody knows whether it was done.
    Unknown,
}

/// A tab: a connection that is opened again when it is needed.
#[derive(Debug, Default)]
pub(crate) struct Tab {
    connection: Option<(SocketAddr, BufReader<TcpStream>)>,
}

impl Tab {
    /// Gets a page.
    pub(crate) fn get(&mut self, address: SocketAddr, path: &str, cookie: Option<&str>) -> Outcome {
        let Some(mut stream) = self.send(address, path, cookie) else { return Outcome::NotSent };
        match answer(&mut stream) {
            Ok((answer, stays)) => {
                self.connection = stays.then_some((address, stream));
                Outcome::Answered(answer)
            }
            Err(_) => Outcome::Unknown,
        }
    }

    /// Asks for a page and hangs up without waiting for it.
    pub(crate) fn hang_up(&mut self, address: SocketAddr, path: &str, cookie: Option<&str>) -> Outcome {
        match self.send(address, path, cookie) {
            Some(_) => Outcome::Unknown,
            None => Outcome::NotSent,
        }
    }

    fn send(&mut self, address: SocketAddr, path: &str, cookie: Option<&str>) -> Option<BufReader<TcpStream>> {
        let cookie = cookie.map(|cookie| format!("cookie: {cookie}\r\n")).unwrap_or_default();
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{cookie}\r\n");
        // A connection that was kept may have been closed since, which only sending on a new one rules out.
        let kept = self.connection.take().filter(|(to, _)| *to == address).map(|(_, stream)| stream);
        let mut stream = match kept.filter(|stream| is_open(stream.get_ref())) {
            Some(stream) => stream,
            None => connect(address).ok()?,
        };
        stream.get_mut().write_all(request.as_bytes()).ok()?;
        Some(stream)
    }
}

fn connect(address: SocketAddr) -> Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(BufReader::new(stream))
}

/// Whether the other side has not hung up yet, as far as one can see.
fn is_open(stream: &TcpStream) -> bool {
    let look = || {
        stream.set_nonblocking(true)?;
        let seen = stream.peek(&mut [0]);
        stream.set_nonblocking(false)?;
        seen
    };
    matches!(look(), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

/// Reads an answer, and whether the connection stays open.
fn answer(stream: &mut BufReader<TcpStream>) -> Result<(Answer, bool)> {
    let start = line(stream)?;
    let status = start.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or(ErrorKind::InvalidData)?;
    let (mut cookie, mut length, mut stays) = (None, 0, true);
    loop {
        let line = line(stream)?;
        let Some((name, value)) = line.split_once(':') else { break };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "set-cookie" => cookie = Some(kept(value)),
            "content-length" => length = value.parse().map_err(|_| ErrorKind::InvalidData)?,
            "connection" => stays = !value.eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok((Answer { status, body, cookie }, stays))
}

fn line(stream: &mut BufReader<TcpStream>) -> Result<String> {
    let mut line = String::new();
    // A head of more than this is no head.
    if stream.by_ref().take(64 * 1024).read_line(&mut line)? == 0 {
        return Err(Error::from(ErrorKind::UnexpectedEof));
    }
    Ok(line.trim_end().to_owned())
}

/// The `name=value` of a `Set-Cookie` line, unless it removes the cookie.
fn kept(line: &str) -> Option<String> {
    let mut parts = line.split(';').map(str::trim);
    let pair = parts.next()?;
    let is_removed = pair.ends_with('=') || parts.any(|attribute| attribute.eq_ignore_ascii_case("max-age=0"));
    (!is_removed).then(|| pair.to_owned())
}
