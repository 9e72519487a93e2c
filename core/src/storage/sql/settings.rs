//! The settings of a storage in a database.

use std::{sync::Arc, time::Duration};

use sqlx::pool::PoolOptions;

use super::{
    invalid_setting::InvalidSetting,
    names::{Names, PREFIX},
};
use crate::{Clock, Codec, Limits, SystemClock, storage::WATCH_INTERVAL};

/// What counts as for ever where a wait must end: pools add it to the time, and SQLite counts its milliseconds in an `int`.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
pub(super) const SHORTEST: Duration = Duration::from_millis(1);

/// The settings that do not depend on the database.
pub(crate) struct Settings {
    pub(super) schema: Option<Box<str>>,
    pub(super) prefix: Box<str>,
    pub(super) response_timeout: Duration,
    /// `None` if it was not set.
    pub(super) acquire_timeout: Option<Duration>,
    /// The same.
    pub(super) max_connections: Option<u32>,
    pub(super) migrates: bool,
    pub(super) limits: Limits,
    pub(super) codec: Option<Arc<dyn Codec>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) sweep_interval: Duration,
    pub(super) watch_interval: Duration,
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "SQLite tells nobody"))]
    pub(super) waits_until_told: bool,
}

impl Settings {
    pub(super) fn new(migrates: bool) -> Self {
        Self {
            schema: None,
            prefix: PREFIX.into(),
            response_timeout: Duration::from_secs(5),
            acquire_timeout: None,
            max_connections: None,
            migrates,
            limits: Limits::default(),
            codec: None,
            clock: Arc::new(SystemClock),
            sweep_interval: Duration::from_secs(5 * 60),
            watch_interval: WATCH_INTERVAL,
            waits_until_told: false,
        }
    }

    pub(super) fn validated(&self) -> Result<Names, InvalidSetting> {
        if self.response_timeout < SHORTEST {
            return Err(InvalidSetting::TooShort("response_timeout"));
        }
        if self.acquire_timeout.is_some_and(|timeout| timeout < SHORTEST) {
            return Err(InvalidSetting::TooShort("acquire_timeout"));
        }
        if self.max_connections == Some(0) {
            return Err(InvalidSetting::NoConnections);
        }
        Names::new(self.schema.as_deref(), &self.prefix)
    }

    /// A pool of our own, but for what its database wants.
    pub(super) fn pool<C: sqlx::Database>(&self) -> PoolOptions<C> {
        PoolOptions::new()
            .max_connections(self.max_connections.unwrap_or(10))
            .acquire_timeout(self.acquire_timeout.unwrap_or(Duration::from_secs(2)).min(LONGEST_WAIT))
            .test_before_acquire(false)
    }

    /// Refuses what only the application can set, whose pool it is.
    pub(super) fn check_for_pool(&self) -> Result<(), InvalidSetting> {
        match (self.max_connections, self.acquire_timeout) {
            (Some(_), _) => Err(InvalidSetting::NotOurPool("max_connections")),
            (_, Some(_)) => Err(InvalidSetting::NotOurPool("acquire_timeout")),
            (None, None) => Ok(()),
        }
    }
}
