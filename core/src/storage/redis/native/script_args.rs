//! The arguments and answers of the scripts, as bytes.

use std::time::Duration;

use super::header::{Head, Header, Kind, Tag, millis};
use crate::{
    Record, Timestamp,
    record::{Access, Lifespan},
    storage::redis::{errors::Answered, layout::PREPARED_FOR, servers::Answer},
};

/// How much longer a key is kept than its session, whose own end every reader checks: as `SLACK` in `common.lua`.
const SLACK: Duration = Duration::from_secs(60);
/// A hundred years, which Redis can count: as `FOREVER` in `common.lua`.
pub(super) const FOREVER: u64 = 3_155_760_000_000;

/// An access as the scripts read it.
pub(super) fn access(access: &Access) -> [u8; 41] {
    let mut bytes = [0; 41];
    bytes[..8].copy_from_slice(&access.now.as_millis().to_le_bytes());
    bytes[8..16].copy_from_slice(&millis(access.bounds.idle_timeout).to_le_bytes());
    bytes[16..24].copy_from_slice(&millis(access.bounds.absolute_lifetime).to_le_bytes());
    if let Some(extend) = &access.extend {
        bytes[24] = 1;
        bytes[25..33].copy_from_slice(&millis(extend.idle_timeout).to_le_bytes());
        bytes[33..41].copy_from_slice(&millis(extend.interval).to_le_bytes());
    }
    bytes
}

/// A lifespan as `lifespan.lua` reads it.
pub(super) fn lifespan(lifespan: Option<Lifespan>) -> Vec<u8> {
    match lifespan {
        None => Vec::new(),
        Some(Lifespan::Managers) => b"m".to_vec(),
        Some(Lifespan::Own { idle_timeout, until }) => {
            let deadline = Lifespan::stored_deadline_of(until);
            [millis(idle_timeout).to_le_bytes(), deadline.to_le_bytes()].concat()
        }
    }
}

/// The expiry of the key of a session that ends after this time, in milliseconds.
pub(super) fn kept_for(time: Duration) -> u64 {
    millis(time.saturating_add(SLACK)).clamp(1, FOREVER)
}

/// The expiry of the key of a new session, in milliseconds from now; and the kind of value that it may replace.
pub(super) fn expiry(kind: Kind, record: &Record, now: Timestamp) -> (u64, &'static [u8]) {
    match kind {
        Kind::Session => (kept_for(record.expires_at().since(now)), b""),
        Kind::Prepared => (millis(PREPARED_FOR), b"P"),
    }
}

/// A bound as the scripts read it.
pub(super) fn bound(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}

impl Answer {
    pub(super) fn header(&mut self) -> Answered<Header> {
        match Head::decode(&self.bytes()?) {
            Some(Head::Session(header)) => Ok(header),
            Some(Head::Tombstone(_)) | None => Err(self.malformed()),
        }
    }

    pub(super) fn tag(&mut self) -> Answered<Tag> {
        self.bytes()?.try_into().map_err(|_| self.malformed())
    }

    pub(super) fn time(&mut self) -> Answered<Timestamp> {
        let bytes: [u8; 8] = self.bytes()?.try_into().map_err(|_| self.malformed())?;
        Ok(Timestamp::from_millis(u64::from_le_bytes(bytes)))
    }
}
