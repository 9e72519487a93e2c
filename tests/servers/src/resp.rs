//! A small Redis client for looking at servers from outside: blocking, RESP2.

use std::{
    io::{BufRead as _, BufReader, Error, ErrorKind, Read as _, Result, Write as _},
    net::TcpStream,
    time::Duration,
};

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Nothing there.
    Nil,
    /// A number.
    Int(i64),
    /// Bytes, or a status.
    Bytes(Vec<u8>),
    /// Several answers.
    List(Vec<Reply>),
    /// An error's text.
    Error(String),
}

impl Reply {
    /// The answer as text.
    ///
    /// # Panics
    ///
    /// When it is an error or a list.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Int(number) => number.to_string(),
            other => panic!("this answer is no text: {other:?}"),
        }
    }

    /// The answer as a number.
    ///
    /// # Panics
    ///
    /// When it is none.
    #[must_use]
    pub fn int(&self) -> i64 {
        match self {
            Self::Int(number) => *number,
            other => panic!("this answer is no number: {other:?}"),
        }
    }

    /// The answers in a list.
    ///
    /// # Panics
    ///
    /// When it is none.
    #[must_use]
    pub fn list(self) -> Vec<Self> {
        match self {
            Self::List(list) => list,
            other => panic!("this answer is no list: {other:?}"),
        }
    }
}

/// A connection.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects to a port of the loopback address; every answer may take `patience`.
    ///
    /// # Errors
    ///
    /// When nobody listens there.
    pub fn connect(port: u16, patience: Duration) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a command and reads its answer.
    ///
    /// # Errors
    ///
    /// When the connection breaks, or the answer takes too long.
    pub fn command<A: AsRef<[u8]>>(&mut self, parts: &[A]) -> Result<Reply> {
        self.send(parts)?;
        self.read()
    }

    /// Sends several commands in one piece and reads their answers.
    ///
    /// # Errors
    ///
    /// When the connection breaks, or an answer takes too long.
    pub fn pipeline<A: AsRef<[u8]>>(&mut self, commands: &[&[A]]) -> Result<Vec<Reply>> {
        let bytes: Vec<u8> = commands.iter().flat_map(|parts| encode(parts)).collect();
        self.stream.get_mut().write_all(&bytes)?;
        commands.iter().map(|_| self.read()).collect()
    }

    /// Sends a command.
    ///
    /// # Errors
    ///
    /// When the connection breaks.
    pub fn send<A: AsRef<[u8]>>(&mut self, parts: &[A]) -> Result<()> {
        self.stream.get_mut().write_all(&encode(parts))
    }

    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// When the connection breaks, or the answer takes too long.
    pub fn read(&mut self) -> Result<Reply> {
        let line = self.line()?;
        let (kind, rest) = line.split_at_checked(1).ok_or(ErrorKind::InvalidData)?;
        let number = || rest.parse::<i64>().map_err(|_| Error::from(ErrorKind::InvalidData));
        Ok(match kind {
            "+" => Reply::Bytes(rest.as_bytes().to_vec()),
            "-" => Reply::Error(rest.to_owned()),
            ":" => Reply::Int(number()?),
            "$" => match usize::try_from(number()?) {
                Ok(length) => {
                    let mut bytes = vec![0; length + 2];
                    self.stream.read_exact(&mut bytes)?;
                    bytes.truncate(length);
                    Reply::Bytes(bytes)
                }
                Err(_) => Reply::Nil,
            },
            "*" => match usize::try_from(number()?) {
                Ok(length) => Reply::List((0..length).map(|_| self.read()).collect::<Result<_>>()?),
                Err(_) => Reply::Nil,
            },
            _ => return Err(ErrorKind::InvalidData.into()),
        })
    }

    fn line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        let line = line.strip_suffix(b"\r\n").ok_or(ErrorKind::UnexpectedEof)?;
        Ok(String::from_utf8_lossy(line).into_owned())
    }
}

fn encode<A: AsRef<[u8]>>(parts: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", parts.len()).into_bytes();
    for part in parts {
        let part = part.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
