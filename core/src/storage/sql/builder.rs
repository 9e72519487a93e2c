//! Makes a storage with its settings.

use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::runtime::Handle;

use super::{
    database::Database,
    failure::Answered,
    invalid_setting::InvalidSetting,
    reports::Reports,
    settings::{SHORTEST, Settings},
    storage::{Inner, Sql},
    store::Store,
    stored::Content,
    sweeper::Sweeper,
};
use crate::{Clock, Codec, Limits, observe::Reporter};

const SETTING_UP: &str = "setting up a storage in a database";

/// Settings of a storage in a database: of a `PostgresStorage` or a `SqliteStorage`. The storage connects when it is first used, and then
/// also checks that its tables are there.
#[must_use]
pub struct SqlBuilder<D: Database> {
    pub(super) place: D::Place,
    pub(super) settings: Settings,
}

impl<D: Database> SqlBuilder<D> {
    pub(super) fn new(place: D::Place, migrates: bool) -> Self {
        Self { place, settings: Settings::new(migrates) }
    }

    /// What the names of the tables begin with: up to 32 letters, digits and underscores. Default: `gsession_`. Applications that share a
    /// database need different prefixes.
    pub fn table_prefix(mut self, prefix: impl Into<Box<str>>) -> Self {
        self.settings.prefix = prefix.into();
        self
    }

    /// How long an operation may take, with the wait for a connection. Default: 5 seconds. After that it is an error, and it is unknown
    /// whether it took effect. At least a millisecond; [`Duration::MAX`] waits for ever.
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

    /// Whether the first use makes the tables, or brings them to the version of this build: [`migrate`](Sql::migrate). Tables that are up to date are left alone. If it takes longer than
    /// [`response_timeout`](Self::response_timeout), the first use is an error: call `migrate` yourself then. Default: only for a file of SQLite that
    /// the storage opens itself. Without it, tables that are missing or have another version are refused.
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
    /// has ended it, and nothing reports that. In Postgres, where ends are reported, each waiting task looks by itself once in 12 intervals.
    /// Default: [`WATCH_INTERVAL`](crate::storage::WATCH_INTERVAL); less than a millisecond counts as a millisecond.
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

async fn sweep<D: Database>(inner: Weak<Inner<D>>, every: Duration, clock: Arc<dyn Clock>) {
    loop {
        tokio::time::sleep(every).await;
        let Some(inner) = inner.upgrade() else { return };
        match inner.remove_ended(clock.now()).await {
            Ok(removed) => inner.reporter.swept_uncounted(removed),
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
