//! HTTP as a tab of a browser speaks it, with everything that can go wrong told apart.

use std::{
    io::{BufRead as _, BufReader, Error, ErrorKind, Read as _, Result, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use socket2::SockRef;

/// How long an answer may take; longer than any timeout of the service's own.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a connection stays half closed.
const LINGERS: Duration = Duration::from_millis(3);

/// The header that says what came of writing after the response.
pub(crate) const LATE: &str = "x-late";

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// What the cookie is to be from now on; `Some(None)`: it is to be forgotten.
    pub(crate) cookie: Option<Option<String>>,
    /// Whether something that was written after the response was accepted.
    pub(crate) late: bool,
}

/// How a browser hangs up before it has its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Manner {
    /// It closes the connection, and has left nothing unread: FIN.
    Close,
    /// It says that it will send nothing more, and closes a little later: FIN.
    HalfClose,
    /// It resets the connection: RST.
    Reset,
}

impl Manner {
    pub(crate) fn any(random: &mut fastrand::Rng) -> Self {
        [Self::Close, Self::HalfClose, Self::Reset][random.usize(..3)]
    }
}

/// How a request is broken off: in what manner, and after what time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HangUp {
    pub(crate) manner: Manner,
    pub(crate) after: Duration,
}

impl HangUp {
    pub(crate) fn any(random: &mut fastrand::Rng) -> Self {
        // Half of them before the service can have begun.
        let after = if random.bool() { 0 } else { random.u64(..10_000) };
        Self { manner: Manner::any(random), after: Duration::from_micros(after) }
    }
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
    /// Asks for a page, by a method that may change something: what it answers is true then.
    pub(crate) fn ask(&mut self, address: SocketAddr, path: &str, cookie: Option<&str>) -> Outcome {
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
    pub(crate) fn hang_up(&mut self, address: SocketAddr, path: &str, cookie: Option<&str>, how: HangUp) -> Outcome {
        let Some(stream) = self.send(address, path, cookie) else { return Outcome::NotSent };
        thread::sleep(how.after);
        // Where the system refuses, the connection is closed all the same.
        match how.manner {
            Manner::Close => {}
            Manner::HalfClose => {
                let _ = stream.get_ref().shutdown(Shutdown::Write);
                thread::sleep(LINGERS);
            }
            Manner::Reset => {
                let _ = SockRef::from(stream.get_ref()).set_linger(Some(Duration::ZERO));
            }
        }
        Outcome::Unknown
    }

    fn send(&mut self, address: SocketAddr, path: &str, cookie: Option<&str>) -> Option<BufReader<TcpStream>> {
        let cookie = cookie.map(|cookie| format!("cookie: {cookie}\r\n")).unwrap_or_default();
        let request = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n{cookie}\r\n");
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
    let (mut cookie, mut length, mut stays, mut late) = (None, 0, true, false);
    loop {
        let line = line(stream)?;
        let Some((name, value)) = line.split_once(':') else { break };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "set-cookie" => cookie = Some(kept(value)),
            "content-length" => length = value.parse().map_err(|_| ErrorKind::InvalidData)?,
            LATE => late = value == "accepted",
            "connection" => stays = !value.eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok((Answer { status, body, cookie, late }, stays))
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
