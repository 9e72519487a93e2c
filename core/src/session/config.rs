//! What every session of a manager shares.

use std::sync::Arc;

use super::Lifetime;
use crate::{Clock, IdGenerator, Limits};

/// The settings of a manager.
pub(crate) struct Config {
    pub(crate) lifetime: Lifetime,
    pub(crate) limits: Limits,
    pub(crate) ids: Arc<dyn IdGenerator>,
    pub(crate) clock: Arc<dyn Clock>,
}
