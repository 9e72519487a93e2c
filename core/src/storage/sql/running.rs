//! Running statements over the connections of a pool, within a time.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use sqlx::{Connection, Executor, IntoArguments, Pool};

use super::{
    client::Client,
    failure::Failure,
    operation::Deadline,
    plan::Plan,
    used::Used,
    values::{Row, Step},
};

/// A pool, and how long an operation over it may take.
pub(super) struct Connections<C: Client> {
    pub(super) pool: Pool<C>,
    pub(super) response_timeout: Duration,
    pub(super) losses: Losses,
    /// Why there was no connection, and when that was.
    diagnosis: tokio::sync::Mutex<Option<(Instant, Failure)>>,
}

/// When a connection was found to be lost: those that have been idle since before may be lost as well.
#[derive(Clone, Default)]
pub(super) struct Losses(Arc<Mutex<Option<Instant>>>);

impl Losses {
    fn note(&self) {
        *self.0.lock() = Some(Instant::now());
    }

    /// Whether there was one while a connection was idle for this long.
    #[cfg(feature = "postgres")]
    pub(super) fn are_within(&self, idle_for: Duration) -> bool {
        self.0.lock().is_some_and(|lost| lost.elapsed() <= idle_for)
    }
}

impl<C: Client> Connections<C>
where
    for<'c> &'c mut C::Connection: Executor<'c, Database = C>,
    for<'q> C::Arguments<'q>: IntoArguments<'q, C>,
{
    pub(super) fn new(pool: Pool<C>, response_timeout: Duration, losses: Losses) -> Self {
        Self { pool, response_timeout, losses, diagnosis: tokio::sync::Mutex::default() }
    }

    /// Runs a statement by itself, or several as one transaction. Returns the rows of the first; if there are none, the others are not
    /// run.
    pub(super) async fn run(&self, steps: &[Step<'_>], deadline: Deadline) -> Result<Vec<Row>, Failure> {
        let mut used = self.acquire(deadline).await?;
        let work = async {
            let connection = used.connection()?;
            match steps {
                [step] => rows(connection, step).await,
                _ => transaction(connection, steps).await,
            }
        };
        let result = match deadline.limit(work).await {
            Some(result) => result.map_err(|error| Failure::of(error, C::refusal)),
            None => Err(Failure::Timeout),
        };
        used.finish(result.as_ref().err());
        if result.as_ref().is_err_and(Failure::is_lost) {
            self.losses.note();
        }
        result
    }

    /// Makes the tables, or brings them to the last version, in a transaction that `begin` begins. `alone` keeps other processes away. Returns
    /// the version before.
    pub(super) async fn migrate(
        &self,
        begin: &'static str,
        alone: &[&str],
        plan: &Plan,
        deadline: Deadline,
    ) -> Result<i64, Failure> {
        let mut used = self.acquire(deadline).await?;
        let work = async {
            let mut transaction = used.connection()?.begin_with(begin).await?;
            for statement in alone.iter().chain([&plan.first.as_str()]) {
                transaction.execute(*statement).await?;
            }
            let version = rows::<C>(&mut transaction, &Step::new(&plan.version, Vec::new())).await?;
            let before = version.into_iter().next().and_then(|mut row| row.number().ok()).unwrap_or(0);
            for statement in plan.steps.iter().skip(usize::try_from(before).unwrap_or(0)).flatten() {
                transaction.execute(statement.as_str()).await?;
            }
            transaction.commit().await?;
            Ok(before)
        };
        let result = work.await.map_err(|error| Failure::of(error, C::refusal));
        used.finish(result.as_ref().err());
        result
    }

    /// A connection of the pool.
    pub(super) async fn acquire(&self, deadline: Deadline) -> Result<Used<C>, Failure> {
        // If there is none, some time is left to find out why.
        let limit = deadline.earlier_by(LONGEST_DIAGNOSIS.min(deadline.left() / 4));
        match limit.limit(self.pool.acquire()).await {
            Some(Ok(connection)) => Ok(Used { connection: Some(connection), test_limit: self.response_timeout }),
            None | Some(Err(sqlx::Error::PoolTimedOut)) => Err(self.why_no_connection(deadline).await),
            Some(Err(error)) => Err(Failure::of(error, C::refusal)),
        }
    }

    /// Why the pool could not connect: it tries again and again, and then does not say. One task at a time finds out, and those that ask
    /// meanwhile learn the same.
    async fn why_no_connection(&self, deadline: Deadline) -> Failure {
        if self.pool.size() >= self.pool.options().get_max_connections() {
            // They are in use.
            return Failure::NoConnection;
        }
        let learning = async {
            let mut known = self.diagnosis.lock().await;
            match &*known {
                Some((at, failure)) if at.elapsed() < FRESH_DIAGNOSIS => failure.clone(),
                _ => {
                    let failure = self.diagnose(LONGEST_DIAGNOSIS.min(deadline.left() / 2)).await;
                    known.insert((Instant::now(), failure)).1.clone()
                }
            }
        };
        deadline.limit(learning).await.unwrap_or(Failure::NoConnection)
    }

    async fn diagnose(&self, limit: Duration) -> Failure {
        let options = self.pool.connect_options();
        match tokio::time::timeout(limit, C::Connection::connect_with(&options)).await {
            Ok(Err(sqlx::Error::Io(error))) => Failure::Unreachable(error.into()),
            Ok(Err(error)) => Failure::of(error, C::refusal),
            Ok(Ok(_)) | Err(_) => Failure::NoConnection,
        }
    }
}

/// How long it may take to find out why there is no connection.
const LONGEST_DIAGNOSIS: Duration = Duration::from_secs(2);
/// How long what was found out is passed on.
const FRESH_DIAGNOSIS: Duration = Duration::from_secs(1);

async fn transaction<C: Client>(connection: &mut C::Connection, steps: &[Step<'_>]) -> Result<Vec<Row>, sqlx::Error>
where
    for<'c> &'c mut C::Connection: Executor<'c, Database = C>,
    for<'q> C::Arguments<'q>: IntoArguments<'q, C>,
{
    // With `begin_with`, sqlx 0.8.6 leaves a transaction of SQLite open if it is dropped at the wrong moment.
    let mut transaction = connection.begin().await?;
    let mut first = None;
    for step in steps {
        let rows = rows::<C>(&mut transaction, step).await?;
        if first.is_none() && rows.is_empty() {
            transaction.rollback().await?;
            return Ok(rows);
        }
        first.get_or_insert(rows);
    }
    transaction.commit().await?;
    Ok(first.unwrap_or_default())
}

async fn rows<C: Client>(connection: &mut C::Connection, step: &Step<'_>) -> Result<Vec<Row>, sqlx::Error>
where
    for<'c> &'c mut C::Connection: Executor<'c, Database = C>,
    for<'q> C::Arguments<'q>: IntoArguments<'q, C>,
{
    use sqlx::Row as _;
    let arguments = C::arguments(step).map_err(sqlx::Error::Encode)?;
    let rows = sqlx::query_with(step.text, arguments).fetch_all(connection).await?;
    let read = |row: &C::Row| (0..row.len()).map(|column| C::value(row, column)).collect::<Result<_, _>>();
    rows.iter().map(|row| read(row).map(Row::new)).collect()
}
