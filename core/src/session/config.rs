//! What all sessions of a manager share.

use std::{num::NonZeroUsize, sync::Arc};

use super::{AtLimit, Lifetime, Rotation};
use crate::{
    ClientInfo, Clock, IdError, IdGenerator, InvalidId, KeyScheme, Limits, SessionId,
    id::{Keys, rotating::split},
};

/// The settings of a manager.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) lifetime: Lifetime,
    pub(crate) limits: Limits,
    pub(crate) ids: Arc<dyn IdGenerator>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) keys: Keys,
    pub(crate) rotation: Rotation,
    pub(crate) session_limit: Option<SessionLimit>,
    /// Whether sessions of another library are taken over, which may end early.
    #[cfg(feature = "import")]
    pub(crate) takes_over: bool,
}

/// How many sessions a user may have, and what happens to one more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionLimit {
    pub(crate) most: NonZeroUsize,
    pub(crate) at: AtLimit,
}

impl Config {
    /// Parses a text as an id that may open a session.
    pub(crate) fn parse(&self, text: &str) -> Result<SessionId, InvalidId> {
        // Raw ids do not rotate.
        let (base, secret) = if self.keys.scheme == KeyScheme::Hashed { split(text) } else { (text, None) };
        let id = self.ids.parse(base)?;
        if id.has_rotated() || !self.keys.admits(&id) {
            return Err(InvalidId::Refused);
        }
        Ok(match secret {
            Some(secret) => id.with_secret(secret),
            None => id,
        })
    }

    /// A new id, under which the storage can keep a session.
    pub(crate) fn fresh_id(&self, client: &ClientInfo) -> Result<SessionId, IdError> {
        let id = self.ids.generate(client)?;
        if !self.keys.admits(&id) {
            return Err(IdError::new("the storage cannot keep sessions under ids of this generator's format"));
        }
        if split(id.as_str()).1.is_some() {
            return Err(IdError::new("an id of this generator looks like one that has rotated"));
        }
        Ok(id)
    }
}
