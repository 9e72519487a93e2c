//! Doors for fuzzers into what reads bytes from outside. Not part of the public interface: they change without notice.
//!
//! Each takes bytes that may be anything and panics if something does not hold. `tests/fuzz` has the targets of cargo-fuzz;
//! the ordinary tests go through the same doors.

#[cfg(feature = "http")]
pub use crate::http::fuzz::{cookie, headers};
#[cfg(all(feature = "file", unix))]
pub use crate::storage::file::fuzz::file;
#[cfg(feature = "redis")]
pub use crate::storage::redis::fuzz::{goframe, redis};

use crate::{BincodeCodec, Codec as _, Limits, SessionId, StoreKey};

/// A record as the file storage keeps it: what can be read is written as something that reads the same.
pub fn record(data: &[u8]) {
    let limits = Limits::default();
    if let Ok(record) = BincodeCodec.decode(data, &limits) {
        let again = BincodeCodec.encode(&record).and_then(|bytes| BincodeCodec.decode(&bytes, &limits));
        assert_eq!(again.as_ref(), Ok(&record));
    }
}

/// Records and changes, as bincode reads and writes them and as this crate does without it.
#[cfg(feature = "bincode")]
pub fn binary(data: &[u8]) {
    crate::record::assert_same(data);
}

/// Ids and keys as texts: each has one spelling.
pub fn id(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for id in [SessionId::parse(text), SessionId::custom(text)].into_iter().flatten() {
        assert_eq!(id.as_str(), text);
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte)));
    }
    if let Some(key) = StoreKey::parse(text) {
        assert_eq!(key.to_string(), text);
    }
}
