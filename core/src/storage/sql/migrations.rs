//! The version of the tables: making them, and refusing others.

use super::{
    database::Database,
    failure::{Answered, Meaning},
    store::{Store, unfit},
    times,
    values::Step,
};
use crate::{Clock as _, SystemClock};

const CHECKING: &str = "checking the tables in the database";
const MIGRATING: &str = "making the tables in the database";

/// The version of the tables that this build uses.
const VERSION: i64 = 1;

/// Why the tables cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error(
        "there are no tables of this prefix and schema: call `migrate` on the storage once, as a user who may create tables, or \
         run `gsession migrate`, or set `migrate_on_start`"
    )]
    NoTables,
    #[error(
        "the tables have version {found}, and this build of gsession needs version {VERSION}: call `migrate` on the storage once, as a \
         user who may alter tables, or run `gsession migrate`, or set `migrate_on_start`"
    )]
    Older { found: i64 },
    #[error(
        "the tables have version {found}, and this build of gsession knows version {VERSION} and older: a later build has migrated them, \
         so use that one"
    )]
    Newer { found: i64 },
}

/// Why sessions cannot be kept in a database, whatever its tables are.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsuited {
    #[cfg_attr(not(feature = "sqlite"), allow(dead_code, reason = "Postgres keeps bytes as they are"))]
    #[error(
        "the database keeps texts in UTF-16, in which SQLite would cut bytes off sessions: use another file, or make this one anew          with `PRAGMA encoding = 'UTF-8'` before its first table"
    )]
    Utf16,
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "SQLite is compiled in"))]
    #[error("the server is older than Postgres 12, which computes no columns: upgrade it")]
    OldServer,
}

impl<D: Database> Store<D> {
    /// Refuses a database in which no tables could help.
    async fn check_database(&self, operation: &'static str) -> Answered<()> {
        let suits = match self.database.suits().await {
            Err(failure) if failure.is_passing() || failure.is_lost() => self.database.suits().await,
            result => result,
        };
        suits.map_err(|failure| failure.while_doing(operation))?.map_err(|unsuited| unfit(operation, unsuited))
    }

    /// Refuses tables that this build does not know.
    pub(super) async fn check_version(&self) -> Answered<()> {
        self.check_database(CHECKING).await?;
        match self.version().await? {
            None => Err(unfit(CHECKING, Unfit::NoTables)),
            Some(VERSION) => Ok(()),
            Some(found) if found < VERSION => Err(unfit(CHECKING, Unfit::Older { found })),
            Some(found) => Err(unfit(CHECKING, Unfit::Newer { found })),
        }
    }

    /// The version of the tables; `None` if there are none.
    async fn version(&self) -> Answered<Option<i64>> {
        let step = Step::new(&self.statements.version, Vec::new());
        let rows = match self.database.read(&step).await {
            Err(failure) if failure.is_passing() || failure.is_lost() => self.database.read(&step).await,
            result => result,
        };
        match rows {
            Ok(rows) => match rows.into_iter().next().map(|mut row| row.number_or_null()).transpose() {
                Ok(version) => Ok(version.flatten()),
                Err(failure) => Err(failure.while_doing(CHECKING)),
            },
            Err(failure) if failure.meaning() == Some(Meaning::NoTable) => Ok(None),
            Err(failure) => Err(failure.while_doing(CHECKING)),
        }
    }

    /// Makes the tables, or brings them to the version of this build. Several processes may do so at once.
    pub(super) async fn migrate(&self) -> Answered<()> {
        self.check_database(MIGRATING).await?;
        let versions = self.names.migrations();
        let make = format!(
            "CREATE TABLE IF NOT EXISTS {versions} (version BIGINT NOT NULL PRIMARY KEY, migrated_at BIGINT NOT NULL)"
        );
        let mut migrations = D::migrations(&self.names);
        for (version, statements) in (1..=VERSION).zip(&mut migrations) {
            let at = times::stored(SystemClock.now());
            statements.push(format!("INSERT INTO {versions} (version, migrated_at) VALUES ({version}, {at})"));
        }
        let mut tries = 0;
        let before = loop {
            match self.database.migrate(&make, &self.statements.version, &migrations).await {
                // Of two processes that make the first table at once, Postgres refuses one.
                Err(failure) if (failure.is_passing() || failure.meaning() == Some(Meaning::Taken)) && tries < 10 => {
                    tries += 1;
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
