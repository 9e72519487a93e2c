//! What the layouts know besides the format: the settings, and what this process remembers.

use std::sync::atomic::AtomicU64;

use super::{header::Header, index, recently_touched::RecentlyTouched};
use crate::{
    Limits, StoreKey,
    storage::{
        Revisions,
        redis::{
            errors::Answered,
            layout::{Change, LayoutSettings},
            servers::Servers,
        },
    },
};

#[derive(Debug)]
pub(crate) struct Context {
    pub(super) prefix: Box<str>,
    pub(super) limits: Limits,
    pub(super) recently_touched: RecentlyTouched,
    pub(super) revisions: Revisions,
    /// When this process last saw the mark of the index, by the clock of the caller, in milliseconds; 0 if it has not.
    pub(super) marked: AtomicU64,
}

impl Context {
    pub(super) fn new(settings: &LayoutSettings) -> Answered<Self> {
        Ok(Self {
            prefix: settings.prefix.as_deref().unwrap_or("gsession:").into(),
            limits: settings.limits,
            recently_touched: RecentlyTouched::default(),
            revisions: Revisions::new()?,
            marked: AtomicU64::new(0),
        })
    }

    /// The Redis key of a session.
    pub(super) fn name(&self, key: &StoreKey) -> Vec<u8> {
        let mut name = Vec::with_capacity(self.prefix.len() + 64);
        name.extend_from_slice(self.prefix.as_bytes());
        name.extend_from_slice(&key.hex());
        name
    }

    /// A change was made, and the session under `key` has this header now.
    pub(super) async fn changed(&self, servers: &Servers, key: &StoreKey, header: &Header, revision: u64) -> Change {
        let before = self.recently_touched.note(key, header.last_seen);
        index::keep(&self.prefix, servers, key, before, header).await;
        Change::Done { expires_at: header.expires_at(), is_remembered: header.is_remembered, revision }
    }
}
