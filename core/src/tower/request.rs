//! What is kept of a request for its session: the inner service takes the rest.

use std::net::SocketAddr;

use ::http::{
    HeaderMap, HeaderName, HeaderValue, Request,
    header::{AsHeaderName, USER_AGENT},
};

use super::{headers::field, layer::PeerAddr};
use crate::{
    ClientInfo,
    http::{self, FieldName, SessionError},
};

/// Tower, as the [HTTP rules](crate::http) see it.
#[derive(Debug)]
pub(super) enum Tower {}

impl http::Framework for Tower {
    type HeaderName = HeaderName;
    type Error = SessionError;
    type Request = Kept;
}

pub(super) type Place = http::Place<Tower>;
pub(super) type RequestGuard = http::RequestGuard<Tower>;

/// The fields that may carry ids, and what is known about the client. Values are shared with the request, not copied.
pub(super) struct Kept {
    cookie: Lines,
    header: Lines,
    user_agent: Option<HeaderValue>,
    peer_addr: Option<SocketAddr>,
}

impl Kept {
    pub(super) fn of<B>(request: &Request<B>, sessions: &http::Service<Tower>, peer_addr: Option<PeerAddr>) -> Self {
        let headers = request.headers();
        let (mut cookie, mut header) = (Lines::default(), Lines::default());
        for name in sessions.transport().carriers() {
            match (name, field(name), sessions.custom_header()) {
                (FieldName::Cookie, Some(name), _) => cookie = Lines::of(headers, name),
                (_, Some(name), _) => header = Lines::of(headers, name),
                (_, None, Some(custom)) => header = Lines::of(headers, custom),
                (_, None, None) => {}
            }
        }
        let user_agent = headers.get(USER_AGENT).cloned();
        let peer_addr = peer_addr.and_then(|find| find(request.extensions()));
        Self { cookie, header, user_agent, peer_addr }
    }

    /// The raw lines of a field.
    pub(super) fn lines(&self, name: FieldName<'_>) -> impl Iterator<Item = &[u8]> + use<'_> {
        let lines = if name == FieldName::Cookie { &self.cookie } else { &self.header };
        lines.first.iter().chain(&lines.more).map(HeaderValue::as_bytes)
    }

    pub(super) fn client(&self) -> ClientInfo {
        let headers = [("cookie", &self.cookie), ("session", &self.header)];
        let lines = headers
            .into_iter()
            .flat_map(|(name, lines)| lines.first.iter().chain(&lines.more).map(move |line| (name, line)));
        let lines = lines.chain(self.user_agent.iter().map(|line| ("user-agent", line)));
        lines.fold(ClientInfo::new(self.peer_addr), |client, (name, line)| client.with_header(name, line.as_bytes()))
    }
}

/// The lines of a field. Nearly always there is one at most.
#[derive(Default)]
struct Lines {
    first: Option<HeaderValue>,
    more: Vec<HeaderValue>,
}

impl Lines {
    fn of(headers: &HeaderMap, name: impl AsHeaderName) -> Self {
        let mut lines = headers.get_all(name).iter().cloned();
        Self { first: lines.next(), more: lines.collect() }
    }
}
