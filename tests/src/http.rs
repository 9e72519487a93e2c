//! HTTP/1.1 byte by byte: what is sent is exactly what was written, and what comes back is shown as it came.
//!
//! Client libraries tidy up: they refuse odd header bytes, join duplicates and keep cookies. An attack is made of just that.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
};

use crate::wait::PATIENCE;

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects to `address`, for example `127.0.0.1:8080`.
    pub fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends these bytes and nothing else.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Reads the next answer, to anything but `HEAD`. A server that hangs up instead is an `UnexpectedEof`.
    pub fn reply(&mut self) -> io::Result<Reply> {
        let start = self.line()?;
        let status = start.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| odd(format!("not a status line: {start:?}")))?;
        let mut reply = Reply { status, headers: self.headers()?, body: Vec::new() };
        reply.body = self.body(&reply)?;
        Ok(reply)
    }

    fn headers(&mut self) -> io::Result<Vec<(String, String)>> {
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(headers);
            }
            let (name, value) = line.split_once(':').ok_or_else(|| odd(format!("not a header: {line:?}")))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    fn body(&mut self, head: &Reply) -> io::Result<Vec<u8>> {
        if head.status < 200 || matches!(head.status, 204 | 304) {
            return Ok(Vec::new());
        }
        if head.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return self.chunks();
        }
        match head.header("content-length") {
            Some(length) => self.exactly(length.parse().map_err(|_| odd(format!("not a length: {length:?}")))?),
            None => {
                let mut rest = Vec::new();
                self.stream.read_to_end(&mut rest)?;
                Ok(rest)
            }
        }
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let length = line.split(';').next().unwrap_or_default();
            let length = usize::from_str_radix(length, 16).map_err(|_| odd(format!("not a chunk: {line:?}")))?;
            if length == 0 {
                self.headers()?; // the trailers, down to the empty line
                return Ok(body);
            }
            body.extend(self.exactly(length)?);
            self.line()?;
        }
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// One line without its end.
    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        let Some(line) = line.strip_suffix(b"\n") else {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server hung up"));
        };
        Ok(String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned())
    }
}

/// An answer, as it came.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Names and values in their order, duplicates included.
    pub headers: Vec<(String, String)>,
    /// The body, freed of its transfer coding.
    pub body: Vec<u8>,
}

impl Reply {
    /// The value of the first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The values of all headers of that name.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value that this answer gives a cookie: `Some("")` when it removes it.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.all("set-cookie").find_map(|line| {
            let pair = line.split(';').next()?;
            let (given, value) = pair.split_once('=')?;
            (given == name).then_some(value)
        })
    }
}

/// The bytes of a request. Header values are bytes, because attackers do not keep to text.
#[must_use]
pub fn request(method: &str, path: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    if !body.is_empty() {
        bytes.extend(format!("Content-Length: {}\r\n", body.len()).into_bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    bytes
}

/// Sends one request over a connection of its own.
pub fn exchange(address: &str, bytes: &[u8]) -> io::Result<Reply> {
    let mut connection = Connection::open(address)?;
    connection.send(bytes)?;
    connection.reply()
}

fn odd(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    /// A server that answers its one connection with these bytes, and hands back what it was sent.
    fn answering(answer: &'static [u8], read: usize) -> (String, thread::JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut received = vec![0; read];
            stream.read_exact(&mut received).unwrap();
            stream.write_all(answer).unwrap();
            received
        });
        (address, server)
    }

    #[test]
    fn bytes_arrive_as_written_and_duplicates_are_kept() {
        let sent = request("POST", "/a", &[("Cookie", b"x=\xff; y"), ("cookie", b"")], b"body");
        let (address, server) = answering(
            b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nset-cookie: b=\r\nContent-Length: 2\r\n\r\nhi and more",
            sent.len(),
        );
        let reply = exchange(&address, &sent).unwrap();
        assert_eq!((reply.status, reply.text().as_str()), (200, "hi"));
        assert_eq!(reply.all("Set-Cookie").collect::<Vec<_>>(), ["a=1; Path=/", "b="]);
        assert_eq!((reply.cookie("a"), reply.cookie("b"), reply.cookie("c")), (Some("1"), Some(""), None));
        assert_eq!(
            server.join().unwrap(),
            b"POST /a HTTP/1.1\r\nHost: localhost\r\nCookie: x=\xff; y\r\ncookie: \r\nContent-Length: 4\r\n\r\nbody"
        );
    }

    #[test]
    fn chunks_are_joined_and_the_connection_can_be_read_on() {
        let (address, server) = answering(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n\
              HTTP/1.1 204 No Content\r\n\r\nHTTP/1.0 500 Oops\r\n\r\nuntil the end",
            1,
        );
        let mut connection = Connection::open(&address).unwrap();
        connection.send(b".").unwrap();
        assert_eq!(connection.reply().unwrap().text(), "one0123456789");
        assert_eq!(connection.reply().unwrap().status, 204);
        assert_eq!(connection.reply().unwrap().text(), "until the end");
        server.join().unwrap();
    }

    #[test]
    fn a_server_that_hangs_up_is_an_error() {
        let (address, server) = answering(b"HTTP/1.1 200", 1);
        assert_eq!(exchange(&address, b".").unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        server.join().unwrap();
    }
}
