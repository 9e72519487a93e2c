//! A case: one thing a storage can get wrong.

use super::{Ability, fixture::Fixture, verdict::Verdict};

/// One thing a storage can get wrong, with the rule that it would break.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Case {
    /// The correct behaviour, as a sentence: `nothing_comes_back_after_remove`.
    pub name: &'static str,
    /// The rule: its number under [`guarantees`](crate::guarantees), or `contract` if it is only in the contract of
    /// [`Storage`](crate::Storage), or its other source.
    pub rule: &'static str,
    /// What a user suffers if the case fails.
    pub harm: &'static str,
    /// The abilities that the storage needs for this case.
    pub needs: &'static [Ability],
    pub(super) run: fn(&Fixture) -> Verdict,
}
