//! A storage's tables: how their statements are run, and the operations on one session.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    database::Database,
    failure::{Answered, Failure, Meaning},
    names::Names,
    new_row::NewRow,
    operation::{Deadline, Operation},
    statements::Statements,
    stored::{Content, FullRow, Kind, RowHeader, Stored, hash_of},
    times::access_args,
    unfit::Unfit,
    values::{Arg, Row, Step},
};
use crate::{
    Record, StoreKey, Timestamp,
    record::{Access, Snapshot},
    storage::{Created, Lookup, Removed, Revisions, StorageError, StorageErrorKind, Tombstone, Touched},
};

const READING: &str = "reading a session from the database";
const CREATING: &str = "creating a session in the database";
const TOUCHING: &str = "extending a session in the database";
const REMOVING: &str = "ending a session in the database";

/// Between tries, at most.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// The tables of a storage.
pub(super) struct Store<D> {
    pub(super) database: Arc<D>,
    pub(super) names: Names,
    pub(super) statements: Statements,
    pub(super) content: Content,
    pub(super) revisions: Revisions,
    /// Whether the tables are known to be of the right version.
    is_verified: AtomicBool,
    /// Whether the first use makes the tables.
    migrates: bool,
    /// Held by the task that makes them.
    pub(super) migrating: tokio::sync::Mutex<()>,
}

impl<D: Database> Store<D> {
    pub(super) fn new(database: Arc<D>, names: Names, content: Content, migrates: bool) -> Answered<Self> {
        let statements = D::statements(&names);
        let (revisions, is_verified) = (Revisions::new()?, AtomicBool::new(false));
        let migrating = tokio::sync::Mutex::default();
        Ok(Self { database, names, statements, content, revisions, is_verified, migrates, migrating })
    }

    /// An operation that begins now.
    pub(super) fn begin(&self, name: &'static str) -> Operation {
        Operation { name, deadline: Deadline::after(self.database.response_timeout()) }
    }

    /// Runs statements that change something, again and again as long as others are in the way.
    pub(super) async fn run(&self, operation: Operation, steps: &[Step<'_>]) -> Answered<Vec<Row>> {
        self.try_run(operation, steps).await?.map_err(|failure| self.failed(failure, operation))
    }

    /// The same, with the failure as the inner result.
    pub(super) async fn try_run(
        &self,
        operation: Operation,
        steps: &[Step<'_>],
    ) -> Answered<Result<Vec<Row>, Failure>> {
        self.verify(operation.deadline).await?;
        let mut pause = Duration::from_millis(1);
        loop {
            match self.database.run(steps, operation.deadline).await {
                Err(failure) if failure.is_passing() && !operation.deadline.is_over() => {
                    tracing::debug!(
                        operation = operation.name,
                        error = &failure as &dyn std::error::Error,
                        "trying again"
                    );
                    tokio::time::sleep(pause.min(operation.deadline.left())).await;
                    pause = (2 * pause).min(LONGEST_PAUSE);
                }
                result => return Ok(result),
            }
        }
    }

    /// Runs a statement that changes nothing more if it is run twice: once more over another connection if the first one has died.
    async fn run_repeatable(&self, operation: Operation, step: Step<'_>) -> Answered<Vec<Row>> {
        let steps = [step];
        match self.try_run(operation, &steps).await? {
            Err(failure) if failure.is_lost() => self.run(operation, &steps).await,
            result => result.map_err(|failure| self.failed(failure, operation)),
        }
    }

    /// Runs a statement that only reads, once more over another connection if the first one has died.
    pub(super) async fn read(&self, operation: Operation, step: &Step<'_>) -> Answered<Vec<Row>> {
        self.verify(operation.deadline).await?;
        self.read_once_more(step, operation.deadline).await.map_err(|failure| self.failed(failure, operation))
    }

    /// The same, whatever the tables are.
    pub(super) async fn read_once_more(&self, step: &Step<'_>, deadline: Deadline) -> Result<Vec<Row>, Failure> {
        match self.database.read(step, deadline).await {
            Err(failure) if failure.is_passing() || failure.is_lost() => self.database.read(step, deadline).await,
            result => result,
        }
    }

    /// The error for a failed statement.
    pub(super) fn failed(&self, failure: Failure, operation: Operation) -> StorageError {
        if failure.meaning() == Some(Meaning::NoTable) {
            // They were there, or this statement would not have been run.
            self.is_verified.store(false, Ordering::Relaxed);
            return unfit(operation.name, Unfit::NoTables);
        }
        failure.while_doing(operation.name)
    }

    /// Makes the tables, or checks their version, once.
    pub(super) async fn verify(&self, deadline: Deadline) -> Answered<()> {
        if self.is_verified.load(Ordering::Relaxed) {
            return Ok(());
        }
        if self.migrates {
            self.migrate_in_time(deadline).await?;
        } else {
            self.check_version(deadline).await?;
        }
        self.is_verified.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// The row under a key.
    async fn read_row(&self, key: &StoreKey, operation: Operation) -> Answered<Option<FullRow>> {
        let step = Step::new(&self.statements.read_row, vec![Arg::Bytes(key.as_bytes())]);
        let mut rows = self.read(operation, &step).await?.into_iter();
        let whole = rows.next().map(|mut row| FullRow::read(&mut row)).transpose();
        whole.map_err(|failure| failure.while_doing(operation.name))
    }

    /// What there is under a key for this access.
    pub(super) async fn look_up(&self, key: &StoreKey, access: &Access, operation: Operation) -> Answered<Stored> {
        let row = self.read_row(key, operation).await?;
        Ok(row.map_or(Stored::Nothing, |row| self.content.look_up(key, row, access)))
    }

    /// The header of the row under a key.
    async fn read_header(&self, key: &StoreKey, operation: Operation) -> Answered<Option<RowHeader>> {
        let step = Step::new(&self.statements.read_header, vec![Arg::Bytes(key.as_bytes())]);
        first_header(self.read(operation, &step).await?, operation)
    }

    /// The same if it lives.
    pub(super) async fn read_living_header(
        &self,
        key: &StoreKey,
        now: Timestamp,
        operation: Operation,
    ) -> Answered<Option<RowHeader>> {
        Ok(self.read_header(key, operation).await?.filter(|header| !header.record.is_expired(now)))
    }

    pub(super) async fn load(&self, key: &StoreKey, access: &Access) -> Answered<Lookup> {
        let operation = self.begin(READING);
        Ok(match self.look_up(key, access, operation).await? {
            Stored::Session { revision, mut record } => {
                let extended = record.is_touch_due(access) && self.extend(key, access, operation).await?.is_some();
                if extended {
                    record.extend(access);
                }
                Lookup::Found(Snapshot { revision, extended, ..Snapshot::complete(record) })
            }
            Stored::Tombstone(tombstone) => Lookup::Renewed(tombstone.at),
            Stored::Nothing => Lookup::Absent,
        })
    }

    pub(super) async fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Answered<Created> {
        let content = self.content.encode(record, CREATING)?;
        let hash = record.principal.as_deref().map(hash_of);
        let row = NewRow {
            key,
            kind: Kind::of(record),
            revision: self.revisions.next(),
            record,
            principal: hash.as_ref(),
            content: &content,
            moved_to: None,
        };
        let args = row.args(now);
        let rows = self.run(self.begin(CREATING), &[Step::new(&self.statements.create, args)]).await?;
        Ok(if rows.is_empty() { Created::Exists } else { Created::Done })
    }

    /// Moves the idle deadline forward. `None` if no touch is due, or the session has ended.
    async fn extend(&self, key: &StoreKey, access: &Access, operation: Operation) -> Answered<Option<RowHeader>> {
        let mut args = vec![Arg::Bytes(key.as_bytes())];
        args.extend(access_args(access));
        let rows = self.run_repeatable(operation, Step::new(&self.statements.touch, args)).await?;
        first_header(rows, operation)
    }

    pub(super) async fn touch(&self, key: &StoreKey, access: &Access) -> Answered<Touched> {
        let operation = self.begin(TOUCHING);
        if access.extend.is_some()
            && let Some(header) = self.extend(key, access, operation).await?
        {
            return Ok(Touched::Done(header.record.expires_at()));
        }
        // It has ended, or no touch is due.
        Ok(match self.read_header(key, operation).await? {
            Some(RowHeader { kind: Kind::Session | Kind::List, record, .. })
                if !access.has_ended(&record, record.last_seen) =>
            {
                Touched::Done(record.expires_at())
            }
            _ => Touched::Gone,
        })
    }

    pub(super) async fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Answered<Option<Tombstone>> {
        Ok(self.read_row(key, self.begin(READING)).await?.and_then(|row| row.into_tombstone(now)))
    }

    pub(super) async fn remove(&self, key: &StoreKey) -> Answered<Removed> {
        let operation = self.begin(REMOVING);
        let step = Step::new(&self.statements.remove, vec![Arg::Bytes(key.as_bytes())]);
        if !self.run_repeatable(operation, step).await?.is_empty() {
            return Ok(Removed::Done);
        }
        // It may have moved while that waited for it.
        let tombstone = self.read_row(key, operation).await?.and_then(|row| row.into_tombstone(Timestamp::default()));
        Ok(tombstone.map_or(Removed::Absent, |tombstone| Removed::Renewed(tombstone.to)))
    }
}

fn first_header(rows: Vec<Row>, operation: Operation) -> Answered<Option<RowHeader>> {
    let header = rows.into_iter().next().map(|mut row| RowHeader::read(&mut row)).transpose();
    header.map_err(|failure| failure.while_doing(operation.name))
}

/// The error for a setting that does not fit what is in the database.
pub(super) fn unfit(operation: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> StorageError {
    StorageError::new(StorageErrorKind::Setup, operation).with_source(source)
}
