//! GoFrame's formats, exactly as its `StorageRedis` and `StorageRedisHashTable` keep sessions, so that a GoFrame service and this one
//! can share them.
//!
//! The Redis key is the prefix and the raw id. GoFrame stores only the data: a session ends when its key expires, and there is no
//! principal and no absolute deadline. A renewal leaves a tombstone under a key of its own.

mod count;
mod format;
#[cfg(feature = "fuzzing")]
pub(super) mod fuzz;
mod hashes;
mod json;
mod scripts;
mod session;
mod strings;
mod text;
mod tombstone;
mod verified;

pub use hashes::GoHashes;
pub use strings::GoStrings;
