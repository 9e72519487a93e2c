//! The layouts of gsession's own: a header at fixed places in front of each session, and scripts that read and change it.

mod body;
mod find;
mod hash;
mod header;
mod moving;
mod operations;
mod packed;
mod scan;
mod scripts;
mod string;

use packed::Revisions;

use super::recent::Recent;
use crate::{Limits, StorageError, StoreKey};

pub(super) use hash::Hashes;
pub(super) use string::Strings;

/// A layout of gsession's own, with one or the other form of value.
#[derive(Debug)]
pub(super) struct Native<B> {
    common: Common,
    body: B,
}

/// What does not depend on the form of the value.
#[derive(Debug)]
struct Common {
    prefix: Box<str>,
    limits: Limits,
    recent: Recent,
    revisions: Revisions,
}

impl<B> Native<B> {
    pub(super) fn new(prefix: &str, limits: Limits, body: B) -> Result<Self, StorageError> {
        let (recent, revisions) = (Recent::default(), Revisions::new()?);
        Ok(Self { common: Common { prefix: prefix.into(), limits, recent, revisions }, body })
    }
}

impl Common {
    /// The key of a session in Redis.
    fn name(&self, key: &StoreKey) -> Vec<u8> {
        let mut name = Vec::with_capacity(self.prefix.len() + 64);
        name.extend_from_slice(self.prefix.as_bytes());
        name.extend_from_slice(&key.hex());
        name
    }
}
