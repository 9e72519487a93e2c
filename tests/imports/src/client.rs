//! A browser without pages: it keeps cookies.

use std::{collections::BTreeMap, net::SocketAddr};

use gsession_tests::http::{Reply, exchange, request};

/// A browser without pages. Clones begin with the same cookies.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    /// By their names.
    pub cookies: BTreeMap<String, String>,
}

impl Client {
    /// Without cookies.
    #[must_use]
    pub const fn new(address: SocketAddr) -> Self {
        Self { address, cookies: BTreeMap::new() }
    }

    /// With one cookie.
    #[must_use]
    pub fn with(address: SocketAddr, name: &str, value: &str) -> Self {
        Self { address, cookies: [(name.to_owned(), value.to_owned())].into() }
    }

    /// Asks for a page, and keeps the cookies of the answer.
    pub fn get(&mut self, path: &str) -> Reply {
        let reply = self.ask(path);
        for line in reply.all("set-cookie") {
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').expect("a cookie has a name");
            if attributes.to_ascii_lowercase().contains("max-age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        reply
    }

    /// Asks for a page, and never gets the answer's cookies.
    #[must_use]
    pub fn ask(&self, path: &str) -> Reply {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let headers = [("Cookie", cookies.as_bytes()), ("Connection", b"close".as_slice())];
        let headers = if cookies.is_empty() { &headers[1..] } else { &headers };
        exchange(&self.address.to_string(), &request("GET", path, headers, b"")).expect("an answer")
    }

    /// The text of a page, which must be found.
    pub fn text(&mut self, path: &str) -> String {
        let reply = self.get(path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply.text()
    }

    /// The value of a cookie, which must be there.
    #[must_use]
    pub fn cookie(&self, name: &str) -> &str {
        self.cookies.get(name).unwrap_or_else(|| panic!("no cookie {name} in {:?}", self.cookies.keys()))
    }
}
