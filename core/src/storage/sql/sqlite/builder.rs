//! The constructors of a SQLite storage, and the settings that only it has.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio::sync::Mutex;

use super::{
    super::{
        builder::SqlBuilder,
        failure::Answered,
        invalid_setting::InvalidSetting,
        running::{Connections, Losses},
        settings::{LONGEST_WAIT, Settings},
        storage::Sql,
    },
    Sqlite, file,
};
use crate::{
    AsyncStorage as _,
    storage::{StorageError, StorageErrorKind},
};

const OPENING: &str = "opening the database file";

/// Where the database is.
pub(crate) struct Place {
    source: Source,
    durability: Option<SqliteDurability>,
}

enum Source {
    File(PathBuf),
    Pool(SqlitePool),
}

/// What a commit waits for: SQLite's `synchronous`, in the mode `WAL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SqliteDurability {
    /// Until the operating system has the data (`NORMAL`). A commit survives the end of the process. A power failure may lose the last
    /// commits, but never damages the database.
    #[default]
    Normal,
    /// Until the disk has the data (`FULL`), which also survives a power failure.
    Full,
}

impl Sql<Sqlite> {
    /// A storage with the default settings in a file, which is made if there is none, for its owner alone. Its folder must exist.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the file cannot be opened, is no database, or has tables of a later version.
    pub async fn open(path: impl AsRef<Path>) -> Answered<Self> {
        let storage = Self::builder(path).build()?;
        storage.check().await?;
        Ok(storage)
    }

    /// A storage with other settings in a file. The storage has a pool of its own, with the settings of SQLite that suit sessions: the
    /// journal is a write-ahead log (`WAL`), and a lock is waited for.
    pub fn builder(path: impl AsRef<Path>) -> SqlBuilder<Sqlite> {
        let source = Source::File(path.as_ref().to_owned());
        SqlBuilder::new(Place { source, durability: None }, true)
    }

    /// A storage over the application's own pool, with its settings. Use `WAL` and a busy timeout. A database in memory is refused: it
    /// ends with a connection, and a request that is cancelled ends one.
    pub fn from_pool(pool: SqlitePool) -> SqlBuilder<Sqlite> {
        SqlBuilder::new(Place { source: Source::Pool(pool), durability: None }, false)
    }
}

/// Settings that only SQLite has.
impl SqlBuilder<Sqlite> {
    /// What a commit waits for. Default: [`SqliteDurability::Normal`]. With the application's pool, this is refused.
    pub const fn durability(mut self, durability: SqliteDurability) -> Self {
        self.place.durability = Some(durability);
        self
    }
}

impl Place {
    pub(super) fn open(self, settings: &Settings) -> Answered<Sqlite> {
        let refused = |invalid: InvalidSetting| invalid.into_error(OPENING);
        let path = match self.source {
            Source::File(path) => path,
            Source::Pool(_) if self.durability.is_some() => {
                return Err(refused(InvalidSetting::NotOurPool("durability")));
            }
            Source::Pool(pool) => {
                settings.check_for_pool().map_err(refused)?;
                let path = pool.connect_options().get_filename().to_owned();
                return Ok(Sqlite::new(pool, settings.response_timeout, path));
            }
        };
        if path.as_os_str() == ":memory:" || path.as_os_str().is_empty() {
            return Err(refused(InvalidSetting::InMemory));
        }
        let path = file::literal(path);
        file::make_private(&path)
            .map_err(|error| StorageError::new(StorageErrorKind::Setup, OPENING).with_source(error))?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(match self.durability.unwrap_or_default() {
                SqliteDurability::Normal => SqliteSynchronous::Normal,
                SqliteDurability::Full => SqliteSynchronous::Full,
            })
            .busy_timeout(settings.response_timeout.min(LONGEST_WAIT));
        let pool = settings.pool().connect_lazy_with(options);
        Ok(Sqlite::new(pool, settings.response_timeout, path))
    }
}

impl Sqlite {
    fn new(pool: SqlitePool, response_timeout: Duration, path: PathBuf) -> Self {
        Self { connections: Connections::new(pool, response_timeout, Losses::default()), writing: Mutex::new(()), path }
    }
}
