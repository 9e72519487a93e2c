//! The verdict of a case: passed, or what was wrong.

use std::any::Any;

use crate::{Error, StorageError, StorageErrorKind};

/// The outcome of a case.
pub(super) type Verdict<T = ()> = Result<T, Flaw>;

/// What a case found wrong.
#[derive(Debug)]
pub(super) struct Flaw {
    pub(super) seen: String,
    /// Whether the storage said that it does not support the operation.
    pub(super) unsupported: bool,
}

impl Flaw {
    pub(super) fn seen(what: impl Into<String>) -> Self {
        Self { seen: what.into(), unsupported: false }
    }

    /// The message of a panic.
    pub(super) fn panicked(panic: &(dyn Any + Send)) -> Self {
        let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self::seen(format!("it panicked: {}", said.unwrap_or("without a message")))
    }
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = format!("the storage failed: {error}");
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}

impl From<StorageError> for Flaw {
    fn from(error: StorageError) -> Self {
        Self { seen: with_sources(&error), unsupported: error.kind() == StorageErrorKind::Unsupported }
    }
}

impl From<Error> for Flaw {
    fn from(error: Error) -> Self {
        match error {
            Error::Storage(error) => error.into(),
            error => Self::seen(with_sources(&error)),
        }
    }
}

/// Ends the case with a flaw unless a condition is true.
macro_rules! must {
    ($holds:expr, $($said:tt)+) => {
        if !$holds {
            return Err($crate::conformance::verdict::Flaw::seen(format!($($said)+)));
        }
    };
}
pub(super) use must;

/// Ends the case with a flaw unless a value is the expected one.
macro_rules! must_be {
    ($seen:expr, $wanted:expr, $what:literal) => {
        match (&$seen, &$wanted) {
            (seen, wanted) => must!(seen == wanted, "{}: {seen:?} instead of {wanted:?}", format_args!($what)),
        }
    };
}
pub(super) use must_be;

/// Ends the case with a flaw unless a value matches a pattern.
macro_rules! must_match {
    ($seen:expr, $wanted:pat $(if $when:expr)?, $what:literal) => {
        match $seen {
            $wanted $(if $when)? => {}
            other => must!(false, "{}: {other:?} instead of {}", format_args!($what), stringify!($wanted)),
        }
    };
}
pub(super) use must_match;
