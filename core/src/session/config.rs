//! What all sessions of a manager share.

use std::sync::Arc;

use super::Lifetime;
use crate::{Clock, IdGenerator, InvalidId, Limits, SessionId, id::Keys};

/// The settings of a manager.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) lifetime: Lifetime,
    pub(crate) limits: Limits,
    pub(crate) ids: Arc<dyn IdGenerator>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) keys: Keys,
}

impl Config {
    /// Parses a text as an id that may open a session.
    pub(crate) fn parse(&self, text: &str) -> Result<SessionId, InvalidId> {
        let id = self.ids.parse(text)?;
        if self.keys.admits(&id) { Ok(id) } else { Err(InvalidId::Refused) }
    }
}
