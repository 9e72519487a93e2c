//! The two formats: JSON objects and hashes.

use std::{fmt, marker::PhantomData};

use redis::Cmd;

use super::{scripts::Scripts, tombstone};
use crate::{
    Changes, Limits, StoreKey,
    record::Entries,
    storage::{
        Created, StorageError, StorageErrorKind,
        redis::{
            errors::Answered,
            invalid_setting::InvalidSetting,
            layout::{Answering, Format, LayoutSettings},
            servers::{Answer, Servers},
        },
    },
};

/// A layout that shares sessions with GoFrame, in the format `F`.
pub struct GoFrame<F> {
    pub(super) prefix: Box<str>,
    pub(super) limits: Limits,
    format: PhantomData<fn() -> F>,
}

/// A format of GoFrame's.
pub(crate) trait GoFormat: Format {
    /// What Redis calls the type of a session.
    const TYPE: &'static str;

    fn scripts() -> &'static Scripts;

    /// The command that reads what a session begins with, if its type alone does not show that it is one.
    fn read_beginning(_name: &[u8]) -> Option<Cmd> {
        None
    }

    /// Stores a session for some seconds, unless something exists under the key. All its entries are new, or those that `changes`
    /// has set.
    fn store(
        &self,
        servers: &Servers,
        key: &StoreKey,
        entries: &Entries,
        changes: Option<&Changes>,
        seconds: u64,
    ) -> impl Answering<Created>;

    /// Removes a session of this revision and leaves a tombstone. The first case of the answer says that this was done.
    fn leave_tombstone(
        servers: &Servers,
        names: &[&[u8]; 2],
        revision: &[u8],
        tombstone: &[u8],
    ) -> impl Answering<Answer>;
}

impl<F> GoFrame<F> {
    pub(super) fn with(settings: LayoutSettings) -> Answered<Self> {
        if settings.has_near_cache || settings.codec.is_some() {
            let reason = "GoFrame's format cannot be cached near, and has a codec of its own";
            return Err(InvalidSetting::Layout(reason).into_error());
        }
        let prefix = settings.prefix.unwrap_or_default().into();
        Ok(Self { prefix, limits: settings.limits, format: PhantomData })
    }

    /// The Redis keys of a session and of its tombstone. `None` for a key that is the hash of an id: GoFrame has no such sessions.
    pub(super) fn names(&self, key: &StoreKey) -> Option<[Vec<u8>; 2]> {
        let name = [self.prefix.as_bytes(), key.raw_id()?].concat();
        let tombstone = tombstone::name_of_tombstone(&name);
        Some([name, tombstone])
    }

    /// As [`names`](Self::names), for a session that is to be stored.
    pub(super) fn names_to_store(&self, key: &StoreKey, operation: &'static str) -> Answered<[Vec<u8>; 2]> {
        self.names(key).ok_or_else(|| StorageError::new(StorageErrorKind::Setup, operation))
    }
}

impl<F> fmt::Debug for GoFrame<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoFrame").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{super::GoStrings, *};
    use crate::{BincodeCodec, Codec};

    #[test]
    fn a_near_cache_and_a_codec_are_refused() {
        let settings = |codec: Option<Arc<dyn Codec>>, has_near_cache| LayoutSettings {
            prefix: None,
            limits: Limits::default(),
            codec,
            has_near_cache,
        };
        assert!(GoStrings::new(settings(None, false)).is_ok());
        for settings in [settings(Some(Arc::new(BincodeCodec)), false), settings(None, true)] {
            assert_eq!(GoStrings::new(settings).unwrap_err().kind(), StorageErrorKind::Setup);
        }
    }
}
