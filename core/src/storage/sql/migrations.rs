//! The version of the tables: making them, and refusing others.

use std::time::Duration;

use super::{
    database::Database,
    failure::{Answered, Failure, Meaning},
    operation::Deadline,
    plan::Plan,
    store::{Store, unfit},
    times,
    unfit::{Unfit, VERSION},
    values::Step,
};
use crate::{
    Clock as _, SystemClock,
    storage::{StorageError, StorageErrorKind},
};

const CHECKING: &str = "checking the tables in the database";
const MIGRATING: &str = "making the tables in the database";

/// The pauses between tries to migrate, while others are in the way.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What the tables are to this build.
enum Tables {
    Missing,
    Older { found: i64 },
    Current,
}

impl<D: Database> Store<D> {
    /// Refuses tables that this build does not know.
    pub(super) async fn check_version(&self, deadline: Deadline) -> Answered<()> {
        match self.tables(CHECKING, deadline).await? {
            Tables::Missing => Err(unfit(CHECKING, Unfit::NoTables)),
            Tables::Older { found } => Err(unfit(CHECKING, Unfit::Older { found })),
            Tables::Current => Ok(()),
        }
    }

    /// Makes the tables, or brings them to the version of this build. Several processes may do so at once.
    pub(super) async fn migrate(&self) -> Answered<()> {
        // A server that does not answer is noticed here. What follows may take long.
        let tables = self.tables(MIGRATING, self.begin(MIGRATING).deadline).await?;
        if !matches!(tables, Tables::Current) {
            let _one = self.migrating.lock().await;
            self.migrate_now(Deadline::NEVER).await?;
        }
        Ok(())
    }

    /// The same as part of another operation, with its deadline.
    pub(super) async fn migrate_in_time(&self, deadline: Deadline) -> Answered<()> {
        if matches!(self.tables(MIGRATING, deadline).await?, Tables::Current) {
            return Ok(());
        }
        let migrating = async {
            let _one = self.migrating.lock().await;
            // Another task may have done it meanwhile.
            match self.tables(MIGRATING, deadline).await? {
                Tables::Current => Ok(()),
                Tables::Missing | Tables::Older { .. } => self.migrate_now(deadline).await,
            }
        };
        let late = || StorageError::new(StorageErrorKind::Timeout, MIGRATING).with_source(Unfit::Late);
        deadline.limit(migrating).await.unwrap_or_else(|| Err(late()))
    }

    /// What the tables are, if this build and this database can work with them.
    async fn tables(&self, operation: &'static str, deadline: Deadline) -> Answered<Tables> {
        let nature = self.read_once_more(&Step::new(D::NATURE, Vec::new()), deadline).await;
        let suits = nature
            .and_then(|rows| rows.into_iter().next().ok_or(Failure::Malformed))
            .and_then(|row| self.database.suits(row));
        suits.map_err(|failure| failure.while_doing(operation))?.map_err(|unsuited| unfit(operation, unsuited))?;
        match self.version(deadline).await.map_err(|failure| failure.while_doing(operation))? {
            None => Ok(Tables::Missing),
            Some(VERSION) => Ok(Tables::Current),
            Some(found) if found < VERSION => Ok(Tables::Older { found }),
            Some(found) => Err(unfit(operation, Unfit::Newer { found })),
        }
    }

    /// The version of the tables; `None` if there are none.
    async fn version(&self, deadline: Deadline) -> Result<Option<i64>, Failure> {
        let step = Step::new(&self.statements.version, Vec::new());
        match self.read_once_more(&step, deadline).await {
            Ok(rows) => Ok(rows.into_iter().next().map(|mut row| row.number_or_null()).transpose()?.flatten()),
            Err(failure) if failure.meaning() == Some(Meaning::NoTable) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn migrate_now(&self, deadline: Deadline) -> Answered<()> {
        let versions = self.names.migrations();
        let first = format!(
            "CREATE TABLE IF NOT EXISTS {versions} (version BIGINT NOT NULL PRIMARY KEY, migrated_at BIGINT NOT NULL)"
        );
        let mut steps = D::migrations(&self.names);
        for (version, statements) in (1..=VERSION).zip(&mut steps) {
            let at = times::stored(SystemClock.now());
            statements.push(format!("INSERT INTO {versions} (version, migrated_at) VALUES ({version}, {at})"));
        }
        let plan = Plan { first, version: self.statements.version.clone(), steps };
        let mut pause = FIRST_PAUSE;
        let before = loop {
            match self.database.migrate(&plan, deadline).await {
                // Of two processes that make the first table at once, Postgres refuses one.
                Err(failure)
                    if (failure.is_passing() || failure.meaning() == Some(Meaning::Taken)) && pause < LONGEST_PAUSE =>
                {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                result => break result.map_err(|failure| failure.while_doing(MIGRATING))?,
            }
        };
        if before > VERSION {
            return Err(unfit(MIGRATING, Unfit::Newer { found: before }));
        }
        if before < VERSION {
            tracing::info!(from = before, to = VERSION, "the tables of the sessions were migrated");
        }
        Ok(())
    }
}
