//! What is kept of a request for its session: the inner service takes the rest.

use std::net::SocketAddr;

use ::http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Request,
    header::{AsHeaderName, USER_AGENT},
};

use super::headers::field;
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

/// In the extensions of a request that [`Passive`](super::Passive) saw before it reached a session layer.
#[derive(Debug, Clone)]
pub(super) struct MarkedPassive;

/// Finds the client's address in the extensions of a request.
pub(super) type PeerAddr = fn(&Extensions) -> Option<SocketAddr>;

/// The fields that may carry ids, and what is known about the client. Values are shared with the request, not copied.
pub(super) struct Kept {
    cookie: Lines,
    header: Lines,
    user_agent: Option<HeaderValue>,
    peer_addr: Option<SocketAddr>,
    pub(super) is_passive: bool,
}

impl Kept {
    pub(super) fn of<B>(request: &Request<B>, sessions: &http::Service<Tower>, peer_addr: Option<PeerAddr>) -> Self {
        let headers = request.headers();
        let (mut cookie, mut header) = (Lines::One(None), Lines::One(None));
        for name in sessions.transport().carriers() {
            match (name, field(name), sessions.custom_header()) {
                (FieldName::Cookie, Some(name), _) => cookie = Lines::of(headers, name),
                (_, Some(name), _) => header = Lines::of(headers, name),
                (_, None, Some(custom)) => header = Lines::of(headers, custom),
                (_, None, None) => {}
            }
        }
        // A client that presents something is told apart by that.
        let presents_nothing = cookie.as_slice().is_empty() && header.as_slice().is_empty();
        let user_agent = if presents_nothing { headers.get(USER_AGENT).cloned() } else { None };
        let peer_addr = peer_addr.and_then(|find| find(request.extensions()));
        // Without extensions, which a request that was just read has not, this costs nothing.
        let is_passive = request.extensions().get::<MarkedPassive>().is_some();
        Self { cookie, header, user_agent, peer_addr, is_passive }
    }

    /// The raw lines of a field.
    pub(super) fn lines(&self, name: FieldName<'_>) -> impl Iterator<Item = &[u8]> + use<'_> {
        let lines = if name == FieldName::Cookie { &self.cookie } else { &self.header };
        lines.as_slice().iter().map(HeaderValue::as_bytes)
    }

    pub(super) fn client(&self) -> ClientInfo {
        let fields = [
            ("cookie", self.cookie.as_slice()),
            ("session", self.header.as_slice()),
            ("user-agent", self.user_agent.as_slice()),
        ];
        let lines = fields.into_iter().flat_map(|(name, lines)| lines.iter().map(move |line| (name, line)));
        lines.fold(ClientInfo::new(self.peer_addr), |client, (name, line)| client.with_header(name, line.as_bytes()))
    }
}

/// The lines of a field: nearly always one at most.
enum Lines {
    One(Option<HeaderValue>),
    Many(Vec<HeaderValue>),
}

impl Lines {
    fn of(headers: &HeaderMap, name: impl AsHeaderName) -> Self {
        // No field of the request has two lines, so neither has this one: one look is enough.
        if headers.len() == headers.keys_len() {
            return Self::One(headers.get(name).cloned());
        }
        Self::Many(headers.get_all(name).iter().cloned().collect())
    }

    fn as_slice(&self) -> &[HeaderValue] {
        match self {
            Self::One(line) => line.as_slice(),
            Self::Many(lines) => lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        MemoryStorage,
        http::{Service, ServiceSettings, Transport},
    };

    fn service() -> Service<Tower> {
        let transport = Transport::builder().header_name("x-session").build().unwrap();
        Service::configured(transport, ServiceSettings::new(MemoryStorage::new())).unwrap()
    }

    #[test]
    fn every_line_of_a_field_is_kept_whatever_other_fields_have() {
        let service = service();
        for (cookies, headers, others) in [(0, 0, 0), (1, 0, 1), (1, 1, 1), (1, 0, 2), (2, 0, 1), (3, 2, 0), (0, 2, 1)]
        {
            let mut request = Request::builder();
            for (name, count) in [("cookie", cookies), ("x-session", headers), ("accept", others)] {
                for number in 0..count {
                    request = request.header(name, format!("{name}{number}"));
                }
            }
            let kept = Kept::of(&request.body(()).unwrap(), &service, None);
            for (field, count) in [(FieldName::Cookie, cookies), (FieldName::Custom("x-session"), headers)] {
                let expected: Vec<_> = (0..count).map(|number| format!("{}{number}", field.as_str())).collect();
                let lines: Vec<_> = kept.lines(field).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
                assert_eq!(lines, expected, "{cookies} cookies, {headers} headers, {others} others");
            }
        }
    }

    #[test]
    fn a_client_that_presents_nothing_is_told_apart_by_its_user_agent() {
        let service = service();
        let user_agent = |field: &str| {
            let request = Request::builder().header("user-agent", "agent").header(field, "value").body(()).unwrap();
            Kept::of(&request, &service, None).user_agent
        };
        assert_eq!(user_agent("accept"), Some(HeaderValue::from_static("agent")));
        assert_eq!([user_agent("cookie"), user_agent("x-session")], [None, None]);
    }
}
