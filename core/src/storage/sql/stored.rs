//! Rows as sessions and tombstones.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::{
    failure::{Answered, Failure},
    times,
    values::Row,
};
use crate::{
    BincodeCodec, Codec, CodecError, Limits, Record, StoreKey, Timestamp,
    id::SealedId,
    record::{Access, replay},
    storage::{StorageError, StorageErrorKind, TOMBSTONE_LIFETIME, Tombstone},
};

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Session,
    /// A list of gsession's own.
    List,
    /// What a session leaves behind that has moved.
    Tombstone,
}

impl Kind {
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Session => 0,
            Self::List => 1,
            Self::Tombstone => 2,
        }
    }

    pub(super) fn of(record: &Record) -> Self {
        if record.is_list() { Self::List } else { Self::Session }
    }

    fn read(number: i64) -> Result<Self, Failure> {
        [Self::Session, Self::List, Self::Tombstone]
            .into_iter()
            .find(|kind| kind.number() == number)
            .ok_or(Failure::Malformed)
    }
}

/// What the columns say that every change knows, without the content.
pub(super) struct RowHeader {
    pub(super) kind: Kind,
    pub(super) revision: u64,
    /// The times, and nothing else.
    pub(super) record: Record,
}

impl RowHeader {
    /// Reads [`HEADER`](super::clauses::HEADER).
    pub(super) fn read(row: &mut Row) -> Result<Self, Failure> {
        let kind = Kind::read(row.number()?)?;
        let revision = row.number()?.cast_unsigned();
        let (created_at, last_seen) = (times::read(row.number()?), times::read(row.number()?));
        let idle_timeout = times::read_span(row.number()?);
        let absolute_deadline = row.number_or_null()?.map(times::read);
        let mut record = Record::new(created_at, idle_timeout, absolute_deadline);
        (record.last_seen, record.is_remembered) = (last_seen, row.flag()?);
        Ok(Self { kind, revision, record })
    }
}

/// A row as it is read.
pub(super) struct FullRow {
    pub(super) header: RowHeader,
    record: Vec<u8>,
    log: Vec<u8>,
    moved_to: Option<Vec<u8>>,
}

/// A row that can be used.
pub(super) enum Stored {
    Session {
        revision: u64,
        record: Record,
    },
    Tombstone(Tombstone),
    /// It has ended, or cannot be read.
    Nothing,
}

impl FullRow {
    /// Reads [`FULL_ROW`](super::clauses::FULL_ROW).
    pub(super) fn read(row: &mut Row) -> Result<Self, Failure> {
        let header = RowHeader::read(row)?;
        Ok(Self { header, record: row.bytes()?, log: row.bytes()?, moved_to: row.bytes_or_null()? })
    }

    /// Where the session has moved to that was here; `None` if it has not, or that is forgotten by now.
    pub(super) fn into_tombstone(self, now: Timestamp) -> Option<Tombstone> {
        let to: [u8; 32] = self.moved_to?.try_into().ok()?;
        let at = self.header.record.last_seen;
        let tombstone = Tombstone::new(StoreKey::from_bytes(to), at, SealedId::from_bytes(&self.record));
        Some(tombstone).filter(|_| now < at + TOMBSTONE_LIFETIME)
    }
}

/// Encodes and decodes what is stored.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) limits: Limits,
    codec: Arc<dyn Codec>,
    /// Whether changes may be appended as they are. A codec of the application, which may encrypt, has to see all that is stored.
    pub(super) appends: bool,
}

impl Content {
    pub(super) fn new(limits: Limits, codec: Option<Arc<dyn Codec>>) -> Self {
        let appends = codec.is_none();
        Self { limits, codec: codec.unwrap_or_else(|| Arc::new(BincodeCodec)), appends }
    }

    /// The bytes of a record that can be read again.
    pub(super) fn encode(&self, record: &Record, operation: &'static str) -> Answered<Vec<u8>> {
        self.limits.check_record(record).map_err(|limit| StorageError::limit(limit, operation))?;
        let failed = |error| StorageError::new(StorageErrorKind::Other, operation).with_source(error);
        self.codec.encode(record).map_err(failed)
    }

    /// What a row is for this access.
    pub(super) fn look_up(&self, key: &StoreKey, row: FullRow, access: &Access) -> Stored {
        if row.header.kind == Kind::Tombstone {
            return row.into_tombstone(access.now).map_or(Stored::Nothing, Stored::Tombstone);
        }
        if access.has_ended(&row.header.record, row.header.record.last_seen) {
            return Stored::Nothing;
        }
        let revision = row.header.revision;
        self.readable(key, row).map_or(Stored::Nothing, |record| Stored::Session { revision, record })
    }

    /// The record of a session, if it can be read.
    pub(super) fn readable(&self, key: &StoreKey, row: FullRow) -> Option<Record> {
        let warn = |error: &CodecError| {
            tracing::warn!(?key, error = error as &dyn std::error::Error, "a session in the database is unreadable");
        };
        self.decode(row).inspect_err(warn).ok()
    }

    fn decode(&self, row: FullRow) -> Result<Record, CodecError> {
        let read = self.codec.decode(&row.record, &self.limits)?;
        let (entries, principal) = replay(&row.log, &read.entries, read.principal.clone(), &self.limits)?;
        // The columns know the times.
        Ok(Record { entries, principal, ..row.header.record })
    }
}

/// The hash of a principal, by which its sessions are found.
pub(super) fn hash_of(principal: &str) -> [u8; 32] {
    Sha256::digest(principal.as_bytes()).into()
}

/// A number of entries or bytes as it is stored.
pub(super) fn counted(number: usize) -> i64 {
    i64::from(i32::try_from(number).unwrap_or(i32::MAX))
}
