//! What a client is answered.

use gsession::SessionId;

use super::{ATTRIBUTES, NAME};
use crate::framework;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// As they came. Names are in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// Every line of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.headers.iter().filter(|(held, _)| held.eq_ignore_ascii_case(name));
        lines.map(|(_, value)| value.as_str()).collect()
    }

    /// The `Set-Cookie` lines, as they are.
    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.all("set-cookie")
    }

    /// Checks that nothing but one cookie of exactly this form is set, and gives its id.
    pub(crate) fn issued_as(&self, name: &str, attributes: &str) -> SessionId {
        let lines = self.cookies();
        let [line] = lines[..] else { panic!("not one cookie: {lines:?} ({})", self.status) };
        let value =
            line.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')).and_then(|rest| rest.split(';').next());
        let id = SessionId::parse(value.unwrap_or_default()).unwrap_or_else(|_| panic!("no id: {line}"));
        assert_eq!(line, format!("{name}={}{attributes}", id.as_str()));
        id
    }

    /// As [`issued_as`](Self::issued_as), for the default cookie.
    pub(crate) fn issued(&self) -> SessionId {
        self.issued_as(NAME, ATTRIBUTES)
    }

    /// Checks that the client's cookies stay as they are.
    pub(crate) fn no_cookie(&self) {
        assert_eq!(self.cookies(), [""; 0], "{} {}", self.status, self.body);
    }

    /// Checks that this is an error that says nothing but its status.
    pub(crate) fn is_opaque(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.body);
        let bodies = framework::opaque_bodies(status);
        assert!(bodies.contains(&self.body.as_str()), "{status}: {}", self.body);
    }

    /// The same of an error that the middleware answers instead of the handler.
    pub(crate) fn is_replaced(&self, status: u16) {
        assert_eq!((self.status, self.body.as_str()), (status, framework::replaced_body(status)));
    }
}
