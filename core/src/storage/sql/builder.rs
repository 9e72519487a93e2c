//! Makes a storage with its settings.

use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use sqlx::pool::PoolOptions;
use tokio::{runtime::Handle, task::JoinHandle};

use super::{
    database::Database,
    failure::Answered,
    invalid_setting::InvalidSetting,
    names::{Names, PREFIX},
    reports::Reports,
    running::LONGEST_WAIT,
    storage::{Inner, Sql},
    store::Store,
    stored::Content,
};
use crate::{Clock, Codec, Limits, SystemClock, observe::Reporter, storage::WATCH_INTERVAL};

const SETTING_UP: &str = "setting up a storage in a database";
const SHORTEST: Duration = Duration::from_millis(1);

/// Settings of a storage in a database: of a `PostgresStorage` or a `SqliteStorage`. The storage connects when it is first used, and then
/// also checks that its tables are there.
#[must_use]
pub struct SqlBuilder<D: Database> {
    pub(super) place: D::Place,
    pub(super) settings: Settings,
}

/// The settings that do not depend on the database.
pub(crate) struct Settings {
    pub(super) schema: Option<Box<str>>,
    prefix: Box<str>,
    pub(super) response_timeout: Duration,
    /// `None` if it was not set.
    pub(super) acquire_timeout: Option<Duration>,
    /// The same.
    pub(super) max_connections: Option<u32>,
    pub(super) migrates: bool,
    limits: Limits,
    codec: Option<Arc<dyn Codec>>,
    clock: Arc<dyn Clock>,
    sweep_interval: Duration,
    watch_interval: Duration,
}

impl<D: Database> SqlBuilder<D> {
    pub(super) fn new(place: D::Place, migrates: bool) -> Self {
        let settings = Settings {
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
        };
        Self { place, settings }
    }

    /// What the names of the tables begin with: up to 32 letters, digits and underscores. Default: `gsession_`. Applications that share a
    /// database need different prefixes.
    pub fn table_prefix(mut self, prefix: impl Into<Box<str>>) -> Self {
        self.settings.prefix = prefix.into();
        self
    }

    /// How long an operation may take, with the wait for a connection. Default: 5 seconds. After that it is an error, and whether it was
    /// carried out is open. At least a millisecond; [`Duration::MAX`] waits for ever.
    pub const fn response_timeout(mut self, timeout: Duration) -> Self {
        self.settings.response_timeout = timeout;
        self
    }

    /// How long an operation waits for a connection of the storage's own pool, which may have to be made. Default: 2 seconds. At least a
    /// millisecond. With the application's pool, this is refused.
    pub const fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.settings.acquire_timeout = Some(timeout);
        self
    }

    /// The most connections of the storage's own pool. Default: 10. With the application's pool, this is refused.
    pub const fn max_connections(mut self, connections: u32) -> Self {
        self.settings.max_connections = Some(connections);
        self
    }

    /// Whether the first use makes the tables, or brings them to the version of this build: [`migrate`](Sql::migrate). Default: only for a
    /// file of SQLite that the storage opens itself. Without it, tables that are missing or have another version are refused.
    pub const fn migrate_on_start(mut self, migrates: bool) -> Self {
        self.settings.migrates = migrates;
        self
    }

    /// The limits of the storage, besides those of the manager. Default: [`Limits::default`]. A session that is over them cannot be read.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Another encoding of sessions. Every commit then reads the session first and writes it as a whole, because changes cannot be appended
    /// to what only the codec can read.
    pub fn codec(mut self, codec: impl Codec + 'static) -> Self {
        self.settings.codec = Some(Arc::new(codec));
        self
    }

    /// The clock of the background sweeps. Default: the system's. Use the same clock as the manager.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.settings.clock = Arc::new(clock);
        self
    }

    /// How often ended sessions are removed, by a task on the runtime in which the storage is built. Default: 5 minutes; less than a
    /// millisecond counts as a millisecond. [`Duration::MAX`]: only when [`sweep`](crate::AsyncStorage::sweep) is called.
    pub const fn sweep_interval(mut self, interval: Duration) -> Self {
        self.settings.sweep_interval = interval;
        self
    }

    /// How long the end of a session may go unnoticed by those who wait for it ([`ended`](crate::AsyncSession::ended)) if another process
    /// has ended it, and nothing reports that. Default: [`WATCH_INTERVAL`]; less than a millisecond counts as a millisecond.
    pub const fn watch_interval(mut self, interval: Duration) -> Self {
        self.settings.watch_interval = interval;
        self
    }

    /// Makes the storage. It connects when it is first used; [`check`](crate::AsyncStorage::check) connects at once. Must be called in a
    /// tokio runtime, which must live as long as the storage.
    ///
    /// # Errors
    ///
    /// [`StorageError`](crate::StorageError) of the kind [`Setup`](crate::StorageErrorKind::Setup) if a setting cannot work. The message
    /// says what to do.
    pub fn build(self) -> Answered<Sql<D>> {
        let Self { place, settings } = self;
        let runtime = Handle::try_current().map_err(|_| InvalidSetting::NoRuntime.into_error(SETTING_UP))?;
        let names = settings.validated().map_err(|invalid| invalid.into_error(SETTING_UP))?;
        let database = Arc::new(D::open(place, &names, &settings)?);
        let content = Content::new(settings.limits, settings.codec);
        let store = Store::new(Arc::clone(&database), names, content, settings.migrates)?;
        let reports = Reports::new(database, settings.watch_interval.max(SHORTEST));
        let inner = Arc::new_cyclic(|inner: &Weak<Inner<D>>| {
            let is_swept = settings.sweep_interval != Duration::MAX;
            let every = settings.sweep_interval.max(SHORTEST);
            let sweeper = is_swept.then(|| Sweeper(runtime.spawn(sweep(inner.clone(), every, settings.clock))));
            Inner { store, reports, reporter: Reporter::default(), _sweeper: sweeper }
        });
        Ok(Sql(inner))
    }
}

impl Settings {
    fn validated(&self) -> Result<Names, InvalidSetting> {
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

/// The task that sweeps. It ends with the storage.
pub(super) struct Sweeper(JoinHandle<()>);

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn sweep<D: Database>(inner: Weak<Inner<D>>, every: Duration, clock: Arc<dyn Clock>) {
    loop {
        tokio::time::sleep(every).await;
        let Some(inner) = inner.upgrade() else { return };
        match inner.sweep(clock.now()).await {
            Ok(swept) => inner.reporter.swept(swept),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "ended sessions could not be removed from the database"
                );
            }
        }
    }
}

impl<D: Database> fmt::Debug for SqlBuilder<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlBuilder").field("table_prefix", &self.settings.prefix).finish_non_exhaustive()
    }
}
