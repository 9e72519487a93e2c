//! What goes into statements, and what comes out of them, whichever database it is.

use sqlx::error::BoxDynError;

use super::failure::Failure;

/// An argument of a statement.
#[derive(Clone, Copy)]
pub(crate) enum Arg<'a> {
    Number(i64),
    /// A number, or NULL.
    NumberOrNull(Option<i64>),
    Flag(bool),
    Bytes(&'a [u8]),
    /// Bytes, or NULL.
    BytesOrNull(Option<&'a [u8]>),
}

/// A statement and its arguments.
pub(crate) struct Step<'a> {
    pub(crate) text: &'a str,
    pub(crate) args: Vec<Arg<'a>>,
}

impl<'a> Step<'a> {
    pub(crate) const fn new(text: &'a str, args: Vec<Arg<'a>>) -> Self {
        Self { text, args }
    }
}

impl<'a> Step<'a> {
    /// The arguments as the client of a database takes them.
    pub(super) fn arguments<A>(&self) -> Result<A, BoxDynError>
    where
        A: sqlx::Arguments<'a>,
        i64: Suits<'a, A>,
        Option<i64>: Suits<'a, A>,
        bool: Suits<'a, A>,
        &'a [u8]: Suits<'a, A>,
        Option<&'a [u8]>: Suits<'a, A>,
    {
        let mut arguments = A::default();
        for arg in &self.args {
            match *arg {
                Arg::Number(number) => arguments.add(number)?,
                Arg::NumberOrNull(number) => arguments.add(number)?,
                Arg::Flag(flag) => arguments.add(flag)?,
                Arg::Bytes(bytes) => arguments.add(bytes)?,
                Arg::BytesOrNull(bytes) => arguments.add(bytes)?,
            }
        }
        Ok(arguments)
    }
}

/// What arguments of this kind can be.
pub(crate) trait Suits<'a, A: sqlx::Arguments<'a>>:
    'a + sqlx::Encode<'a, A::Database> + sqlx::Type<A::Database>
{
}

impl<'a, A: sqlx::Arguments<'a>, T: 'a + sqlx::Encode<'a, A::Database> + sqlx::Type<A::Database>> Suits<'a, A> for T {}

/// A value in a row.
pub(crate) enum Value {
    Null,
    Number(i64),
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "SQLite has numbers for flags"))]
    Flag(bool),
    Bytes(Vec<u8>),
}

/// A row, which is read from left to right.
pub(crate) struct Row(std::vec::IntoIter<Value>);

impl Row {
    pub(crate) fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    pub(super) fn number(&mut self) -> Result<i64, Failure> {
        self.number_or_null()?.ok_or(Failure::Malformed)
    }

    pub(super) fn number_or_null(&mut self) -> Result<Option<i64>, Failure> {
        match self.0.next() {
            Some(Value::Number(number)) => Ok(Some(number)),
            Some(Value::Null) => Ok(None),
            _ => Err(Failure::Malformed),
        }
    }

    /// SQLite has numbers for flags.
    pub(super) fn flag(&mut self) -> Result<bool, Failure> {
        match self.0.next() {
            Some(Value::Flag(flag)) => Ok(flag),
            Some(Value::Number(number)) => Ok(number != 0),
            _ => Err(Failure::Malformed),
        }
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, Failure> {
        self.bytes_or_null()?.ok_or(Failure::Malformed)
    }

    pub(super) fn bytes_or_null(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        match self.0.next() {
            Some(Value::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Value::Null) => Ok(None),
            _ => Err(Failure::Malformed),
        }
    }
}
