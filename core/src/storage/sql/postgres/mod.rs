//! Postgres.

mod builder;
mod client;
mod identity;
mod listening;
mod statements;
mod telling;

use std::{fmt, sync::Arc, time::Duration};

use sqlx::{Connection as _, Executor as _};
use tokio::runtime::Handle;

use self::telling::Telling;
use super::{
    database::Database,
    failure::{Answered, Failure},
    migrations::Unsuited,
    names::Names,
    operation::Deadline,
    running::{Client as _, Connections},
    settings::Settings,
    statements::Statements,
    values::{Row, Step},
};
use crate::{StoreKey, storage::Watch};

/// The database of a [`PostgresStorage`](super::PostgresStorage).
pub struct Postgres {
    connections: Arc<Connections<sqlx::Postgres>>,
    /// In which the storage was built.
    runtime: Handle,
    telling: Telling,
    /// Whether operations wait until others were told.
    waits_until_told: bool,
    names: Names,
}

impl Database for Postgres {
    type Place = builder::Place;

    fn open(place: Self::Place, names: &Names, settings: &Settings) -> Answered<Self> {
        place.open(names, settings)
    }

    fn statements(names: &Names) -> Statements {
        statements::statements(names)
    }

    fn migrations(names: &Names) -> Vec<Vec<String>> {
        statements::migrations(names)
    }

    async fn suits(&self, deadline: Deadline) -> Result<Result<(), Unsuited>, Failure> {
        let has_computed_columns = "SELECT current_setting('server_version_num')::BIGINT >= 120000";
        let rows = self.read(&Step::new(has_computed_columns, Vec::new()), deadline).await?;
        let is_new_enough = rows.into_iter().next().ok_or(Failure::Malformed)?.flag()?;
        Ok(if is_new_enough { Ok(()) } else { Err(Unsuited::OldServer) })
    }

    async fn run(&self, steps: &[Step<'_>], deadline: Deadline) -> Result<Vec<Row>, Failure> {
        self.connections.run(steps, deadline).await
    }

    async fn read(&self, step: &Step<'_>, deadline: Deadline) -> Result<Vec<Row>, Failure> {
        self.connections.run(std::slice::from_ref(step), deadline).await
    }

    async fn migrate(
        &self,
        first: &str,
        version: &str,
        migrations: &[Vec<String>],
        deadline: Deadline,
    ) -> Result<i64, Failure> {
        let mut used = self.connections.acquire(deadline).await?;
        let work = async {
            let mut transaction = used.connection()?.begin().await?;
            // Another process that migrates the same tables waits here. Migrating may take longer than an operation.
            transaction.execute("SET LOCAL statement_timeout = 0").await?;
            transaction.execute(identity::lock(&self.names).as_str()).await?;
            transaction.execute(first).await?;
            let (before,): (Option<i64>,) = sqlx::query_as(version).fetch_one(&mut *transaction).await?;
            let before = before.unwrap_or(0);
            for statement in migrations.iter().skip(usize::try_from(before).unwrap_or(0)).flatten() {
                transaction.execute(statement.as_str()).await?;
            }
            transaction.commit().await?;
            Ok(before)
        };
        let result = work.await.map_err(|error| Failure::of(error, sqlx::Postgres::refusal));
        used.finish(result.as_ref().err());
        result
    }

    async fn hear(&self, watch: &Watch, interval: Duration) {
        let channel = format!("SELECT convert_to({}, 'UTF8')", identity::channel(&self.names));
        let (connections, runtime) = (&self.connections, &self.runtime);
        listening::Listening { connections, runtime, channel, watch, interval }.run().await;
    }

    fn tell(&self, key: &StoreKey) {
        self.telling.tell(key);
    }

    async fn told(&self) {
        if self.waits_until_told {
            self.telling.done().await;
        }
    }

    fn response_timeout(&self) -> Duration {
        self.connections.response_timeout
    }
}

impl fmt::Debug for Postgres {
    /// With the address of the server, without the login.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = self.connections.pool.connect_options();
        f.debug_struct("Postgres")
            .field("host", &options.get_host())
            .field("port", &options.get_port())
            .field("database", &options.get_database())
            .finish_non_exhaustive()
    }
}
