//! What is known about the client when an id is generated for it.

use std::{fmt, net::SocketAddr};

/// The client's address and request headers, which the default generator mixes into a new id, as GoFrame's `guid` does.
///
/// They add nothing to the strength of an id, which comes from the operating system's generator. They make ids of two
/// machines differ even if a broken generator returns the same bytes on both. Outside HTTP, leave it empty, or pass
/// what the transport knows.
///
/// ```
/// use gsession::ClientInfo;
///
/// let client = ClientInfo::new(Some(([127, 0, 0, 1], 5000).into())).with_header("user-agent", b"demo");
/// assert!(!client.is_empty());
/// ```
#[derive(Clone, Default)]
pub struct ClientInfo {
    remote_addr: Option<SocketAddr>,
    /// Every header as name, NUL, value, NUL. It is only ever hashed.
    headers: Vec<u8>,
}

impl ClientInfo {
    /// A client at `remote_addr`, without headers.
    #[must_use]
    pub const fn new(remote_addr: Option<SocketAddr>) -> Self {
        Self { remote_addr, headers: Vec::new() }
    }

    /// Adds a request header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.reserve(name.len() + value.len() + 2);
        self.headers.extend_from_slice(name.as_bytes());
        self.headers.push(0);
        self.headers.extend_from_slice(value);
        self.headers.push(0);
        self
    }

    /// The address the request came from.
    #[must_use]
    pub const fn remote_addr(&self) -> Option<SocketAddr> {
        self.remote_addr
    }

    /// Whether nothing is known about the client.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.remote_addr.is_none() && self.headers.is_empty()
    }

    pub(super) fn header_bytes(&self) -> &[u8] {
        &self.headers
    }
}

impl fmt::Debug for ClientInfo {
    /// Omits the headers, which contain cookies and credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientInfo").field("remote_addr", &self.remote_addr).finish_non_exhaustive()
    }
}
