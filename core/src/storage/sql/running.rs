//! Running statements over the connections of a pool, within a time.

use std::time::Duration;

use sqlx::{Connection, Executor, IntoArguments, Pool, pool::PoolConnection};

use super::{
    failure::{Failure, Refusal},
    values::{Row, Step, Value},
};

/// What counts as for ever where a wait must end: pools add it to the time, and SQLite counts its milliseconds in an `int`.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// What sqlx calls a database: how it takes arguments, and how it gives values.
pub(crate) trait Client: sqlx::Database {
    fn arguments<'q>(step: &Step<'q>) -> Result<Self::Arguments<'q>, sqlx::error::BoxDynError>;

    fn value(row: &Self::Row, column: usize) -> Result<Value, sqlx::Error>;

    fn refusal(error: &dyn sqlx::error::DatabaseError) -> Refusal;
}

/// A pool, and how long an operation over it may take.
pub(super) struct Connections<C: Client> {
    pub(super) pool: Pool<C>,
    pub(super) response_timeout: Duration,
}

impl<C: Client> Connections<C>
where
    for<'c> &'c mut C::Connection: Executor<'c, Database = C>,
    for<'q> C::Arguments<'q>: IntoArguments<'q, C>,
{
    /// Runs a statement by itself, or several as one transaction. Returns the rows of the first; if there are none, the others are not
    /// run.
    pub(super) async fn run(&self, steps: &[Step<'_>]) -> Result<Vec<Row>, Failure> {
        let mut held = None;
        let work = async {
            let connection = &mut **held.insert(self.pool.acquire().await?);
            match steps {
                [step] => rows(connection, step).await,
                _ => transaction(connection, steps).await,
            }
        };
        let result = tokio::time::timeout(self.response_timeout, work).await;
        finished(held, result)
    }
}

/// The result of work in time. A connection over which nothing was answered is given up, since what comes over it next is not known.
pub(super) fn finished<C: Client, T>(
    held: Option<PoolConnection<C>>,
    result: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
) -> Result<T, Failure> {
    match result {
        Ok(result) => result.map_err(|error| Failure::of(error, C::refusal)),
        Err(_) => {
            drop(held.map(PoolConnection::detach));
            Err(Failure::Timeout)
        }
    }
}

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
