//! GoFrame's formats, exactly as its `StorageRedis` and `StorageRedisHashTable` keep sessions, so that a GoFrame service and
//! this one can share them.
//!
//! The key is the prefix and the raw id. All that GoFrame stores is the data: when a session ends is the expiry of its key,
//! and there is no principal and no absolute deadline. A renewal leaves a trace under a key of its own.

mod form;
#[cfg(feature = "fuzzing")]
pub(super) mod fuzz;
mod hash;
mod json;
mod judged;
mod operations;
mod scripts;
mod string;
mod text;
mod trace;

use crate::{Limits, StoreKey};

pub(super) use hash::GoHashes;
pub(super) use string::GoStrings;

/// A layout in GoFrame's format, with one or the other form of value.
#[derive(Debug)]
pub(super) struct GoFrame<F> {
    common: Common,
    form: F,
}

/// What does not depend on the form of the value.
#[derive(Debug)]
struct Common {
    prefix: Box<str>,
    limits: Limits,
}

impl<F> GoFrame<F> {
    pub(super) fn new(prefix: &str, limits: Limits, form: F) -> Self {
        Self { common: Common { prefix: prefix.into(), limits }, form }
    }
}

impl Common {
    /// The key of a session in Redis, and that of its trace. A session under a hashed key is none of GoFrame's.
    fn names(&self, key: &StoreKey) -> Option<[Vec<u8>; 2]> {
        let name = [self.prefix.as_bytes(), key.raw_id()?].concat();
        let trace = trace::name_of_trace(&name);
        Some([name, trace])
    }
}
