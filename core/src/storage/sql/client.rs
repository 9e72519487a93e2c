//! What a client of sqlx must be able to do.

use super::{
    failure::Refusal,
    values::{Step, Value},
};

/// What sqlx calls a database: how it takes arguments, and how it gives values.
pub(crate) trait Client: sqlx::Database {
    fn arguments<'q>(step: &Step<'q>) -> Result<Self::Arguments<'q>, sqlx::error::BoxDynError>;

    fn value(row: &Self::Row, column: usize) -> Result<Value, sqlx::Error>;

    fn refusal(error: &dyn sqlx::error::DatabaseError) -> Refusal;
}
