//! How Postgres takes arguments and gives values.

use sqlx::{
    Postgres as Client, Row as _, TypeInfo as _, ValueRef as _,
    error::{BoxDynError, DatabaseError},
    postgres::{PgArguments, PgRow},
};

use super::super::{
    client,
    failure::{Meaning, Refusal},
    values::{Step, Value},
};
use crate::storage::StorageErrorKind;

impl client::Client for Client {
    fn arguments<'q>(step: &Step<'q>) -> Result<PgArguments, BoxDynError> {
        step.arguments()
    }

    fn value(row: &PgRow, column: usize) -> Result<Value, sqlx::Error> {
        let value = row.try_get_raw(column)?;
        if value.is_null() {
            return Ok(Value::Null);
        }
        let number = |number: i64| Value::Number(number);
        match value.type_info().name() {
            "INT8" => row.try_get(column).map(Value::Number),
            "INT4" => row.try_get::<i32, _>(column).map(i64::from).map(number),
            "INT2" => row.try_get::<i16, _>(column).map(i64::from).map(number),
            "BOOL" => row.try_get(column).map(Value::Flag),
            "BYTEA" => row.try_get(column).map(Value::Bytes),
            // What `pg_notify` returns.
            _ => Ok(Value::Null),
        }
    }

    fn refusal(error: &dyn DatabaseError) -> Refusal {
        let code = error.code().unwrap_or_default();
        let message = error.message();
        Refusal {
            meaning: meaning(&code),
            hint: hint(&code, message),
            code: code.as_ref().into(),
            message: message.into(),
        }
    }
}

/// What a code means: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn meaning(code: &str) -> Meaning {
    match code {
        // Serialization failure, deadlock.
        "40001" | "40P01" => Meaning::InTheWay,
        // The server shuts down, has crashed, or is starting; so it has rolled back what it was doing.
        "57P01" | "57P02" | "57P03" => Meaning::Ended,
        "23505" => Meaning::Taken,
        // No such table, no such schema.
        "42P01" | "3F000" => Meaning::NoTable,
        "53100" => Meaning::Other(StorageErrorKind::Full),
        // The server has canceled it: `statement_timeout`, `lock_timeout`.
        "57014" | "55P03" => Meaning::Other(StorageErrorKind::Timeout),
        // A replica, or a server that takes no writes.
        "25006" => Meaning::ReadOnly,
        // No such database, no such role, wrong password, no right, no such column.
        "3D000" | "28000" | "28P01" | "42501" | "42703" => Meaning::Other(StorageErrorKind::Setup),
        _ => match code.get(..2) {
            // Connections, resources, interventions by the operator, the system.
            Some("08" | "53" | "57" | "58") => Meaning::Other(StorageErrorKind::Unavailable),
            _ => Meaning::Other(StorageErrorKind::Other),
        },
    }
}

/// What to do about it, where the server does not say so.
fn hint(code: &str, message: &str) -> &'static str {
    match code {
        "3F000" => "; make it with `CREATE SCHEMA`, or name another one: `schema`, `--schema`",
        "42501" if message.contains("for schema") => {
            "; `GRANT USAGE, CREATE ON SCHEMA` to this user, as the schema `public` needs since Postgres 15, or name a schema of this \
             user's: `schema`, `--schema`"
        }
        "42P05" | "26000" => "; a pooler in between, such as PgBouncer, must be in its mode `session`",
        "08P01" if message.starts_with("unsupported startup parameter") => {
            "; PgBouncer needs `ignore_startup_parameters = extra_float_digits,options`"
        }
        _ => "",
    }
}
