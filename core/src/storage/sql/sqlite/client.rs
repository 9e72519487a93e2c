//! How SQLite takes arguments and gives values.

use sqlx::{
    Row as _, Sqlite as Client, TypeInfo as _, ValueRef as _,
    error::{BoxDynError, DatabaseError},
    sqlite::{SqliteArguments, SqliteRow},
};

use super::super::{
    client,
    failure::{Meaning, Refusal},
    values::{Step, Value},
};
use crate::storage::StorageErrorKind;

impl client::Client for Client {
    fn arguments<'q>(step: &Step<'q>) -> Result<SqliteArguments<'q>, BoxDynError> {
        step.arguments()
    }

    fn value(row: &SqliteRow, column: usize) -> Result<Value, sqlx::Error> {
        let value = row.try_get_raw(column)?;
        if value.is_null() {
            return Ok(Value::Null);
        }
        let is_number = value.type_info().name() == "INTEGER";
        drop(value);
        if is_number { row.try_get(column).map(Value::Number) } else { row.try_get(column).map(Value::Bytes) }
    }

    fn refusal(error: &dyn DatabaseError) -> Refusal {
        let code = error.code().unwrap_or_default();
        let number = code.parse::<u32>().unwrap_or(0);
        Refusal {
            meaning: meaning(number, error.is_unique_violation(), error.message()),
            code: format!("SQLite {number}").into(),
            message: error.message().into(),
            hint: "",
        }
    }
}

/// What an extended result code means: <https://www.sqlite.org/rescode.html>.
fn meaning(code: u32, is_taken: bool, message: &str) -> Meaning {
    match code & 0xff {
        // Busy, locked.
        5 | 6 => Meaning::InTheWay,
        13 => Meaning::Other(StorageErrorKind::Full),
        // The file of the index of the log cannot grow.
        10 if code == 4874 => Meaning::Other(StorageErrorKind::Full),
        // An input or output failed; the file is damaged.
        10 | 11 => Meaning::Other(StorageErrorKind::Unavailable),
        // No right, a file that may not be written or opened, no database.
        3 | 8 | 14 | 23 | 26 => Meaning::Other(StorageErrorKind::Setup),
        1 if message.starts_with("no such table") => Meaning::NoTable,
        _ if is_taken => Meaning::Taken,
        _ => Meaning::Other(StorageErrorKind::Other),
    }
}
