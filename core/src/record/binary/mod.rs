//! The binary format of records and of changes: that of bincode 2 for tuples, in its standard configuration.
//!
//! | type | bytes |
//! |---|---|
//! | `bool` | 0 or 1 |
//! | `u32`, `u64` | up to 250 one byte; 251, 252 and 253 precede 2, 4 and 8 little-endian bytes |
//! | `&str` | its length as a `u64`, then UTF-8 |
//! | `Option` | 0, or 1 and its content |
//! | tuple | its parts, one after the other |
//!
//! bincode is no longer maintained (RUSTSEC-2025-0141). So there are two implementations of the same two functions, one with
//! bincode and one without. The feature `bincode` chooses. With that feature, tests and fuzzers compile both and compare them.

#[cfg(feature = "bincode")]
mod bincode;
#[cfg(all(feature = "bincode", any(feature = "fuzzing", test)))]
mod differential;
#[cfg(any(not(feature = "bincode"), feature = "fuzzing", test))]
mod without_bincode;

#[cfg(feature = "bincode")]
pub(super) use self::bincode::{read, write};
#[cfg(all(feature = "bincode", feature = "fuzzing"))]
pub(crate) use self::differential::assert_same;
#[cfg(not(feature = "bincode"))]
pub(super) use self::without_bincode::{read, write};
