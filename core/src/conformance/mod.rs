//! Shows whether a storage keeps the contract of [`Storage`](crate::Storage): for authors of storages. Needs the feature
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
//! [`conformance_tests!`](crate::conformance_tests) makes a test of each case instead.
//!
//! # What is tried
//!
//! Each [`Case`] is named after what is right, knows the rule it belongs to, and says when it fails what was seen and what a
//! user would have suffered:
//!
//! ```text
//! nothing_comes_back_after_remove (S4)
//!   seen: a commit after remove: Done { .. } instead of Committed::Gone
//!   what a user would have suffered: Somebody logs out on a shared computer; a request that was still running writes …
//! ```
//!
//! - **Operations one by one**: every sentence of the contract.
//! - **Operations that overlap**: two at a time, in every way that can be forced; what comes of it must be what comes of one
//!   after the other. A blocking operation is held up inside [`Record::apply`](crate::Record::apply), between what it has read
//!   and what it writes, while the other one runs or waits for it. An async one is left standing after each of its steps. A
//!   storage that does not call `apply` is raced instead, which proves less.
//! - **Futures that are dropped** after each of their steps: all of it has happened, or nothing.
//! - **Whole requests** over a [`Manager`](crate::Manager): a logout with requests under way, renewals, counters.
//!
//! What it cannot try: what happens when the storage's server or disk breaks (S10), and damaged data (S11), because it does
//! not know how to break yours.
//!
//! A storage may lack abilities; [`Suite::without`] says which, and a case looks that it says so itself:
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

/// Something that a storage may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ability {
    /// [`move_to`](crate::Storage::move_to); without it `renew` is an error.
    Renewing,
    /// [`trace`](crate::Storage::trace); without it a login whose answer was lost begins another session when it is repeated.
    Tracing,
    /// [`find`](crate::Storage::find); without it a user's sessions cannot be listed and ended.
    Listing,
    /// [`sweep`](crate::Storage::sweep) that counts and removes; without it the storage must expire sessions by itself.
    Sweeping,
}
