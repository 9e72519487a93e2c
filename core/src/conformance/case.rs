//! A case: one thing a storage can get wrong.

use super::{Ability, fixture::Fixture, verdict::Verdict};

/// One thing a storage can get wrong, with the rule that it would break.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Case {
    /// What is right, as a sentence: `nothing_comes_back_after_remove`.
    pub name: &'static str,
    /// The rule: as numbered under [`guarantees`](crate::guarantees), `contract` for what only that of
    /// [`Storage`](crate::Storage) says, or where else it comes from.
    pub rule: &'static str,
    /// What a user suffers if it fails.
    pub harm: &'static str,
    /// What the storage must be able to do to be tried.
    pub needs: &'static [Ability],
    pub(super) run: fn(&Fixture) -> Verdict,
}
