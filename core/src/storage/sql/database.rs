//! What a storage needs of its database.

use std::{fmt, time::Duration};

use super::{
    failure::{Answered, Failure},
    names::Names,
    operation::Deadline,
    plan::Plan,
    settings::Settings,
    statements::Statements,
    unfit::Unsuited,
    values::{Row, Step},
};
use crate::{StoreKey, storage::Watch};

/// A database: what it is told, and how.
pub(crate) trait Database: fmt::Debug + Sized + Send + Sync + 'static {
    /// Where it is, with the settings that only this database has.
    type Place;

    /// # Errors
    ///
    /// [`StorageError`](crate::StorageError) if the settings cannot work.
    fn open(place: Self::Place, names: &Names, settings: &Settings) -> Answered<Self>;

    fn statements(names: &Names) -> Statements;

    /// The statements that lead from each version of the tables to the next one, beginning with none.
    fn migrations(names: &Names) -> Vec<Vec<String>>;

    /// A statement whose row says what kind of database this is.
    const NATURE: &'static str;

    /// Whether sessions can be kept in a database of this [nature](Self::NATURE); if not, why, and what to do.
    fn suits(&self, nature: Row) -> Result<Result<(), Unsuited>, Failure>;

    /// Runs a statement by itself, or several as one transaction. Returns the rows of the first; if there are none, the others are not
    /// run. They have their whole effect or none, also if the future is dropped.
    fn run(&self, steps: &[Step<'_>], deadline: Deadline) -> impl Future<Output = Result<Vec<Row>, Failure>> + Send;

    /// Runs a statement that only reads.
    fn read(&self, step: &Step<'_>, deadline: Deadline) -> impl Future<Output = Result<Vec<Row>, Failure>> + Send {
        self.run(std::slice::from_ref(step), deadline)
    }

    /// Makes the tables or brings them to the last version, as one transaction, during which no other process migrates the same tables.
    /// Returns the version before, 0 for none.
    fn migrate(&self, plan: &Plan, deadline: Deadline) -> impl Future<Output = Result<i64, Failure>> + Send;

    /// Notices when sessions end, in any process, and wakes the waiting tasks: at once or, if that is impossible, within the interval.
    /// Runs until it is dropped.
    fn hear(&self, watch: &Watch, interval: Duration) -> impl Future<Output = ()> + Send;

    /// Tells other processes, soon, that a session may have ended or changed hands. They notice it later if that fails.
    fn tell(&self, key: &StoreKey);

    /// Waits until others were told, if that was asked for.
    fn told(&self) -> impl Future<Output = ()> + Send;

    /// How long an operation may take.
    fn response_timeout(&self) -> Duration;
}
