//! Sessions as strings, encoded and decoded.

use std::sync::Arc;

use super::super::{
    format::warn_no_header,
    header::{Head, Header, Kind, LEN},
};
use crate::{
    Codec, CodecError, Limits, Record, StoreKey, Timestamp,
    record::{Access, replay},
    storage::{Lookup, StorageError, StorageErrorKind, TOMBSTONE_LIFETIME, Tombstone, redis::errors::Answered},
};

/// Encodes and decodes values: the header, the record as the codec writes it, and the log of changes.
#[derive(Debug)]
pub(super) struct StringValues {
    pub(super) codec: Arc<dyn Codec>,
    pub(super) limits: Limits,
}

/// A decoded session.
pub(super) struct Stored {
    pub(super) header: Header,
    pub(super) record: Record,
}

/// Why a value is no session.
pub(super) enum NoSession {
    Absent,
    /// It was renewed at this time.
    Renewed(Timestamp),
}

impl From<NoSession> for Lookup {
    fn from(why: NoSession) -> Self {
        match why {
            NoSession::Absent => Self::Absent,
            NoSession::Renewed(at) => Self::Renewed(at),
        }
    }
}

impl StringValues {
    /// The value of a session, if it can be read again.
    pub(super) fn encode_checked(&self, record: &Record, header: Header, operation: &'static str) -> Answered<Vec<u8>> {
        self.limits.check_record(record).map_err(|limit| StorageError::limit(limit, operation))?;
        self.encode(record, header, operation)
    }

    /// The value of a session that is known to be within the limits.
    pub(super) fn encode(&self, record: &Record, mut header: Header, operation: &'static str) -> Answered<Vec<u8>> {
        let failed = |error: CodecError| StorageError::new(StorageErrorKind::Other, operation).with_source(error);
        let body = self.codec.encode(record).map_err(failed)?;
        header.log =
            u32::try_from(LEN + body.len()).map_err(|_| StorageError::new(StorageErrorKind::Full, operation))?;
        let mut value = Vec::with_capacity(LEN + body.len());
        value.extend_from_slice(&header.encode());
        value.extend_from_slice(&body);
        Ok(value)
    }

    /// Reads the value of a session with this header.
    fn decode(&self, header: Header, value: &[u8]) -> Result<Stored, CodecError> {
        const CUT: CodecError = CodecError::Malformed { reason: "cut short" };
        let limits = &self.limits;
        let log = header.log as usize;
        let read = self.codec.decode(value.get(LEN..log).ok_or(CUT)?, limits)?;
        let log = value.get(log..).ok_or(CUT)?;
        let (entries, principal) = replay(log, &read.entries, read.principal.clone(), limits)?;
        let mut record = Record { entries, principal, ..read };
        header.put_times(&mut record);
        Ok(Stored { header, record })
    }

    /// The session that a value is, or why it is none.
    pub(super) fn look_up(&self, key: &StoreKey, value: &[u8], access: &Access) -> Result<Stored, NoSession> {
        match Head::decode(value) {
            Some(Head::Tombstone(Tombstone { at, .. })) if access.now < at + TOMBSTONE_LIFETIME => {
                Err(NoSession::Renewed(at))
            }
            Some(Head::Tombstone(_)) => Err(NoSession::Absent),
            Some(Head::Session(header)) if header.kind == Kind::Prepared => Err(NoSession::Absent),
            Some(Head::Session(header)) => match self.decode(header, value) {
                Ok(stored) if access.has_ended(&stored.record, stored.record.last_seen) => Err(NoSession::Absent),
                Ok(stored) => Ok(stored),
                Err(error) => {
                    warn_unreadable(key, &error);
                    Err(NoSession::Absent)
                }
            },
            None => {
                warn_no_header(key);
                Err(NoSession::Absent)
            }
        }
    }

    /// The header of a value that begins like a session, if the session can be read.
    pub(super) fn readable_header(&self, key: &StoreKey, value: &[u8]) -> Option<Header> {
        let Some(Head::Session(header)) = Head::decode(value) else { return None };
        let decoded = self.decode(header, value);
        decoded.inspect_err(|error| warn_unreadable(key, error)).ok().map(|_| header)
    }
}

fn warn_unreadable(key: &StoreKey, error: &CodecError) {
    tracing::warn!(?key, error = error as &dyn std::error::Error, "a session in Redis is unreadable");
}
