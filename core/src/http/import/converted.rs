//! What a session of another library becomes.

use std::{fmt, sync::Arc};

use serde_json::{Map, Value};

use super::PeerSession;

/// What a session of another library becomes: for [`Import::convert`](super::Import::convert). `Debug` shows no values.
///
/// ```
/// use gsession::http::import::Converted;
///
/// let converted = Converted::default().value("theme", "dark").principal("ada");
/// # let _ = converted;
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Converted {
    pub(super) values: Map<String, Value>,
    pub(super) principal: Option<Arc<str>>,
}

impl Converted {
    /// Whose session it is: see [`set_principal`](crate::AsyncSession::set_principal). Default: nobody's. An empty text is nobody, too.
    pub fn principal(mut self, principal: impl Into<Arc<str>>) -> Self {
        self.principal = Some(principal.into()).filter(|principal| !principal.is_empty());
        self
    }

    /// Adds a value, or replaces it.
    pub fn value(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.values.insert(key.into(), value.into());
        self
    }

    /// Leaves out a value.
    pub fn without(mut self, key: &str) -> Self {
        self.values.remove(key);
        self
    }
}

impl From<PeerSession> for Converted {
    /// All values, and no principal.
    fn from(session: PeerSession) -> Self {
        Self { values: session.values, principal: None }
    }
}

impl fmt::Debug for Converted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Converted").field("values", &self.values.len()).finish_non_exhaustive()
    }
}
