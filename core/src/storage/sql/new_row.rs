//! A row to be inserted.

use super::{
    stored::{Kind, counted},
    times::{stored, stored_span},
    values::Arg,
};
use crate::{Record, StoreKey, Timestamp};

/// What [`NEW`](super::clauses::NEW) has of a row.
pub(super) struct NewRow<'a> {
    pub(super) key: &'a StoreKey,
    pub(super) kind: Kind,
    pub(super) revision: u64,
    /// For its times, and the size of its entries.
    pub(super) record: &'a Record,
    /// The hash of its principal.
    pub(super) principal: Option<&'a [u8; 32]>,
    /// The record as it is stored.
    pub(super) content: &'a [u8],
    pub(super) moved_to: Option<&'a StoreKey>,
}

impl<'a> NewRow<'a> {
    /// The arguments of [`create`](super::statements::Statements::create): the columns in their order, and the time.
    pub(super) fn args(&self, now: Timestamp) -> Vec<Arg<'a>> {
        let record = self.record;
        vec![
            Arg::Bytes(self.key.as_bytes()),
            Arg::Number(self.kind.number()),
            Arg::Number(self.revision.cast_signed()),
            Arg::Number(stored(record.created_at)),
            Arg::Number(stored(record.last_seen)),
            Arg::Number(stored_span(record.idle_timeout)),
            Arg::NumberOrNull(record.absolute_deadline.map(stored)),
            Arg::Flag(record.is_remembered),
            Arg::BytesOrNull(self.principal.map(<[u8; 32]>::as_slice)),
            Arg::Number(counted(record.entries.len())),
            Arg::Number(counted(record.entries.text_bytes())),
            Arg::Bytes(self.content),
            Arg::Bytes(&[]),
            Arg::BytesOrNull(self.moved_to.map(|key| key.as_bytes().as_slice())),
            Arg::Number(stored(now)),
        ]
    }
}
