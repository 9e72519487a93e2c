//! Postgres.

mod builder;
mod client;
mod identity;
mod listening;
mod statements;
mod telling;

use std::{fmt, sync::Arc, time::Duration};

use tokio::runtime::Handle;

use self::telling::Telling;
use super::{
    database::Database,
    failure::{Answered, Failure},
    names::Names,
    operation::Deadline,
    plan::Plan,
    running::Connections,
    settings::Settings,
    statements::Statements,
    unfit::Unsuited,
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

    const NATURE: &'static str = "SELECT current_setting('server_version_num')::BIGINT >= 120000";

    fn suits(&self, mut nature: Row) -> Result<Result<(), Unsuited>, Failure> {
        let has_computed_columns = nature.flag()?;
        Ok(if has_computed_columns { Ok(()) } else { Err(Unsuited::OldServer) })
    }

    async fn run(&self, steps: &[Step<'_>], deadline: Deadline) -> Result<Vec<Row>, Failure> {
        self.connections.run(steps, deadline).await
    }

    async fn migrate(&self, plan: &Plan, deadline: Deadline) -> Result<i64, Failure> {
        // Another process that migrates the same tables waits here. Migrating may take longer than an operation.
        let alone = ["SET LOCAL statement_timeout = 0", &identity::lock(&self.names)];
        self.connections.migrate("BEGIN", &alone, plan, deadline).await
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
