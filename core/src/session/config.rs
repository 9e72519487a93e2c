//! What every session of a manager shares.

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
    /// Reads a text as an id under which there can be a session.
    pub(crate) fn parse(&self, text: &str) -> Result<SessionId, InvalidId> {
        let id = self.ids.parse(text)?;
        if self.keys.admits(&id) { Ok(id) } else { Err(InvalidId::Refused) }
    }
}
