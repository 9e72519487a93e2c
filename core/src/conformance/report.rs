//! The report of a suite.

use std::{error::Error, fmt};

use super::Case;

/// The result of each case. `Display` writes it for people.
#[must_use]
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// The cases that the storage passed.
    pub passed: Vec<Case>,
    /// The cases that the storage failed.
    pub failed: Vec<Failure>,
    /// The cases that need an ability that the storage was said to lack.
    pub left_out: Vec<Case>,
    /// Requested names that no case has.
    pub unknown: Vec<&'static str>,
}

/// A case that a storage failed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The case.
    pub case: Case,
    /// What was seen.
    pub seen: String,
}

/// The error of a storage that does not keep its contract. `Debug` and `Display` say what it got wrong, and what a user would
/// have suffered. A test can return it.
pub struct Nonconformance(pub(super) Report);

impl Report {
    /// The report if nothing failed.
    ///
    /// # Errors
    ///
    /// [`Nonconformance`] with every failure.
    pub fn into_result(self) -> Result<Self, Nonconformance> {
        if self.failed.is_empty() && self.unknown.is_empty() { Ok(self) } else { Err(Nonconformance(self)) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Case { name, rule, harm, .. } = self.case;
        writeln!(f, "{name} ({rule})")?;
        writeln!(f, "  seen: {}", self.seen)?;
        write!(f, "  what a user would have suffered: {harm}")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, left_out, unknown } = self;
        write!(f, "{} cases passed, {} failed, {} left out", passed.len(), failed.len(), left_out.len())?;
        unknown.iter().try_for_each(|name| write!(f, "\n\n{name}: there is no such case"))?;
        failed.iter().try_for_each(|failure| write!(f, "\n\n{failure}"))
    }
}

impl Nonconformance {
    /// The whole report.
    pub const fn report(&self) -> &Report {
        &self.0
    }
}

impl fmt::Display for Nonconformance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this storage does not keep its contract: {}", self.0)
    }
}

impl fmt::Debug for Nonconformance {
    /// Like `Display`, because this is what a failing test prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Nonconformance {}
