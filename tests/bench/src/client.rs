//! A small HTTP/1.1 client that leaves the processor to the server: blocking sockets, keep-alive, no parsing beyond
//! what it needs.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

/// No answer takes longer, not even under valgrind.
const TIMEOUT: Duration = Duration::from_secs(60);
/// No answer of our servers is larger.
const MAX_ANSWER: usize = 64 * 1024;

/// The bytes of a GET request.
pub(crate) fn request(path: &str, cookie: Option<&str>) -> Vec<u8> {
    let cookie = cookie.map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n{cookie}\r\n").into_bytes()
}

/// One keep-alive connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, TIMEOUT).context("connecting to the server")?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request and does not wait for the answer.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request).context("sending a request")
    }

    /// Waits for the answer to one request. Anything but 200 is an error.
    pub(crate) fn receive(&mut self) -> Result<Answer<'_>> {
        self.buffer.clear();
        let head = loop {
            match find(&self.buffer, b"\r\n\r\n") {
                Some(end) => break end + 4,
                None => self.fill()?,
            }
        };
        let text = std::str::from_utf8(&self.buffer[..head]).context("an answer's head is not text")?;
        ensure!(text.starts_with("HTTP/1.1 200 "), "the server said {:?}", text.lines().next().unwrap_or_default());
        if header(text, "transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            let chunks = loop {
                match chunks(&self.buffer, head)? {
                    Some(chunks) => break chunks,
                    None => self.fill()?,
                }
            };
            let mut end = head;
            for chunk in chunks {
                let length = chunk.len();
                self.buffer.copy_within(chunk, end);
                end += length;
            }
            return Ok(Answer { bytes: &self.buffer, body: head..end });
        }
        let length = header(text, "content-length").context("an answer without a length")?;
        let length: usize = length.parse().context("an answer's length")?;
        ensure!(length <= MAX_ANSWER, "an answer of {length} bytes");
        while self.buffer.len() < head + length {
            self.fill()?;
        }
        ensure!(self.buffer.len() == head + length, "the server sent more than was asked for");
        Ok(Answer { bytes: &self.buffer, body: head..head + length })
    }

    /// Sends one request after the other, each when the one before is answered.
    pub(crate) fn repeat(&mut self, request: &[u8], times: u32) -> Result<()> {
        for _ in 0..times {
            self.send(request)?;
            self.receive()?;
        }
        Ok(())
    }

    fn fill(&mut self) -> Result<()> {
        ensure!(self.buffer.len() < MAX_ANSWER, "an answer of more than {MAX_ANSWER} bytes");
        let mut chunk = [0; 4096];
        let read = self.stream.read(&mut chunk).context("waiting for an answer")?;
        ensure!(read > 0, "the server closed the connection");
        self.buffer.extend_from_slice(&chunk[..read]);
        Ok(())
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    bytes: &'a [u8],
    body: Range<usize>,
}

impl Answer<'_> {
    /// The body as text.
    pub(crate) fn body(&self) -> Result<&str> {
        std::str::from_utf8(&self.bytes[self.body.clone()]).context("an answer is not text")
    }

    /// What the answer does to the one cookie that a server here may set.
    fn set_cookie(&self) -> Option<SetCookie> {
        let line = header(std::str::from_utf8(&self.bytes[..self.body.start]).ok()?, "set-cookie")?;
        let mut parts = line.split(';').map(str::trim);
        let pair = parts.next()?;
        let removed = pair.ends_with('=') || parts.any(|attribute| attribute.eq_ignore_ascii_case("max-age=0"));
        Some(if removed { SetCookie::Remove } else { SetCookie::Keep(pair.to_owned()) })
    }
}

/// A `Set-Cookie` line, as far as a client with one cookie is concerned.
#[derive(Debug, PartialEq)]
enum SetCookie {
    /// Keep this `name=value`.
    Keep(String),
    /// Forget the cookie.
    Remove,
}

/// The one cookie of a browser, shared by its tabs: whichever answer comes last decides what it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Jar(Arc<Mutex<Option<String>>>);

impl Jar {
    /// A jar with this cookie.
    pub(crate) fn with(cookie: &str) -> Self {
        Self(Arc::new(Mutex::new(Some(cookie.to_owned()))))
    }

    /// The cookie as it is now.
    pub(crate) fn cookie(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn obey(&self, told: SetCookie) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = match told {
            SetCookie::Keep(cookie) => Some(cookie),
            SetCookie::Remove => None,
        };
    }
}

/// A tab of a browser: a connection, and the browser's cookie.
#[derive(Debug)]
pub(crate) struct Tab {
    connection: Connection,
    jar: Jar,
}

impl Tab {
    /// Opens a tab.
    pub(crate) fn open(address: SocketAddr, jar: &Jar) -> Result<Self> {
        Ok(Self { connection: Connection::open(address)?, jar: jar.clone() })
    }

    /// Gets a page, and keeps or forgets the cookie as told.
    pub(crate) fn get(&mut self, path: &str) -> Result<String> {
        self.connection.send(&request(path, self.jar.cookie().as_deref()))?;
        let answer = self.connection.receive().with_context(|| format!("getting {path}"))?;
        if let Some(told) = answer.set_cookie() {
            self.jar.obey(told);
        }
        Ok(answer.body()?.to_owned())
    }
}

/// Logs in and hands back the cookie.
pub(crate) fn log_in(address: SocketAddr) -> Result<String> {
    let jar = Jar::default();
    Tab::open(address, &jar)?.get("/login")?;
    jar.cookie().context("the server set no cookie on login")
}

/// What came of keeping connections busy.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) elapsed: Duration,
    /// How long each answer took, in microseconds: from sending the request until this side had read the answer.
    pub(crate) micros: Vec<f32>,
}

/// Keeps every connection busy with its request for about this long.
///
/// One thread goes round the connections: wait for the answer, send the next request. All but one of them are always
/// in the server's hands, at the price of two system calls a request here.
pub(crate) fn load(connections: &mut [(Connection, Vec<u8>)], time: Duration) -> Result<Loaded> {
    let started = Instant::now();
    let mut sent = Vec::with_capacity(connections.len());
    for (connection, request) in &mut *connections {
        connection.send(request)?;
        sent.push(Instant::now());
    }
    let mut micros = Vec::new();
    while started.elapsed() < time {
        for ((connection, request), sent) in connections.iter_mut().zip(&mut sent) {
            connection.receive()?;
            let now = Instant::now();
            micros.push((now - *sent).as_secs_f32() * 1e6);
            *sent = now;
            connection.send(request)?;
        }
    }
    for ((connection, _), sent) in connections.iter_mut().zip(sent) {
        connection.receive()?;
        micros.push(sent.elapsed().as_secs_f32() * 1e6);
    }
    Ok(Loaded { elapsed: started.elapsed(), micros })
}

/// Where the chunks of a chunked body lie that begins here; nothing if its end has not come yet.
fn chunks(bytes: &[u8], mut at: usize) -> Result<Option<Vec<Range<usize>>>> {
    let mut chunks = Vec::new();
    loop {
        let Some(length) = find(bytes.get(at..).unwrap_or_default(), b"\r\n") else { return Ok(None) };
        let digits = std::str::from_utf8(&bytes[at..at + length]).context("the length of a chunk")?;
        let size = usize::from_str_radix(digits, 16).context("the length of a chunk")?;
        ensure!(size <= MAX_ANSWER, "a chunk of {size} bytes");
        let chunk = at + length + 2..at + length + 2 + size;
        at = chunk.end + 2;
        let Some(behind) = bytes.get(chunk.end..at) else { return Ok(None) };
        ensure!(behind == b"\r\n", "a chunk longer than it says, or with what this client does not know behind it");
        if size == 0 {
            ensure!(bytes.len() == at, "the server sent more than was asked for");
            return Ok(Some(chunks));
        }
        chunks.push(chunk);
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(head: &str) -> Option<SetCookie> {
        Answer { bytes: head.as_bytes(), body: head.len()..head.len() }.set_cookie()
    }

    #[test]
    fn cookies_are_kept_and_removed_as_told() {
        let kept = SetCookie::Keep("id=1".to_owned());
        assert_eq!(told("HTTP/1.1 200 OK\r\nset-cookie: id=1; Path=/; Max-Age=60\r\n\r\n"), Some(kept));
        assert_eq!(told("HTTP/1.1 200 OK\r\nSet-Cookie: id=1; Max-Age=0\r\n\r\n"), Some(SetCookie::Remove));
        assert_eq!(told("HTTP/1.1 200 OK\r\nSet-Cookie: id=; Path=/\r\n\r\n"), Some(SetCookie::Remove));
        assert_eq!(told("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), None);
    }

    #[test]
    fn a_body_may_come_in_chunks() -> Result<()> {
        let whole = b"head3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n";
        assert_eq!(chunks(whole, 4)?, Some(vec![7..10, 15..25]));
        for length in 4..whole.len() {
            assert_eq!(chunks(&whole[..length], 4)?, None, "{length} bytes of it");
        }
        assert!(chunks(b"2\r\nabc\r\n", 0).is_err());
        assert!(chunks(b"-1\r\n", 0).is_err());
        assert!(chunks(b"FFFFFFFFFFFFFFFF\r\n", 0).is_err());
        assert!(chunks(b"0\r\n\r\nmore", 0).is_err());
        Ok(())
    }
}
