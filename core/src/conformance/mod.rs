//! Tests for authors of storages: does a storage keep the contract of [`Storage`](crate::Storage)? Needs the feature
//! `conformance`, and belongs in `[dev-dependencies]`.
//!
//! ```
//! use gsession::{MemoryStorage, conformance::{Nonconformance, Suite}};
//!
//! // As a test: `#[test] fn my_storage_conforms() -> Result<(), Nonconformance>`
//! fn my_storage_conforms() -> Result<(), Nonconformance> {
//!     Suite::blocking(MemoryStorage::new).check()?;
//!     Ok(())
//! }
//! # my_storage_conforms().unwrap();
//! ```
//!
//! [`conformance_tests!`](crate::conformance_tests) turns each case into a test of its own instead.
//!
//! # What is tested
//!
//! Each [`Case`] is named after the correct behaviour and belongs to a rule. If it fails, it says what was seen, and what a user
//! would have suffered:
//!
//! ```text
//! nothing_comes_back_after_remove (S4)
//!   seen: a commit after remove: Done { .. } instead of Committed::Gone
//!   what a user would have suffered: A user logs out on a shared computer. A request of theirs that …
//! ```
//!
//! - **Single operations**: every sentence of the contract.
//! - **Overlapping operations**: two at a time, in every way that can be forced. The outcome must be the same as if one had run
//!   after the other. A blocking operation is paused inside [`Record::apply`](crate::Record::apply), between its read and its
//!   write, while the other one runs or waits for it. An async operation is suspended after each of its steps. A storage that
//!   does not call `apply` is raced instead, which proves less.
//! - **Dropped futures**, after each of their steps: either the whole operation has taken effect, or nothing.
//! - **Waiting for the end of a session**, if the storage [tells](crate::Storage::watch) of it.
//! - **Whole requests** through a [`Manager`](crate::Manager): a logout while other requests run, renewals, counters.
//!
//! The suite cannot test failures of the storage's server or disk ([S10](crate::design#s10)), nor damaged data ([S11](crate::design#s11)), because it does not know how to
//! break your storage.
//!
//! A storage may lack abilities. Declare them with [`Suite::without`]; a case then checks that the storage says so itself:
//!
//! ```
//! use gsession::conformance::{Ability, Suite};
//! # let make = gsession::MemoryStorage::new;
//! let suite = Suite::blocking(make).without(Ability::Sweeping);
//! # let _ = suite;
//! ```

mod blocking_adapter;
mod breakpoint;
mod case;
mod cases;
mod fixture;
mod operation;
mod overlap;
mod report;
mod suite;
mod verdict;

pub use case::Case;
pub use report::{Failure, Nonconformance, Report};
pub use suite::Suite;

/// An ability that a storage may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ability {
    /// [`move_to`](crate::Storage::move_to). Without it, `renew` is an error.
    Renewing,
    /// [`tombstone`](crate::Storage::tombstone). Without it, repeating a login whose answer was lost begins another session.
    Tombstones,
    /// [`find`](crate::Storage::find). Without it, a user's sessions cannot be listed and ended.
    Listing,
    /// [`sweep`](crate::Storage::sweep) that counts and removes. Without it, the storage must expire sessions by itself.
    Sweeping,
    /// [`count`](crate::Storage::count). Without it, an operator does not see how many sessions there are.
    Counting,
    /// [`scan`](crate::Storage::scan). Without it, sessions can be moved to another storage only as they are used.
    Scanning,
}
