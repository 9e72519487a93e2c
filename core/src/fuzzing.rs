//! Entry points for fuzzers into the code that reads outside bytes. Not part of the public interface: they change
//! without notice.
//!
//! Each takes arbitrary bytes, and panics if an invariant does not hold. `tests/fuzz` has the cargo-fuzz targets; the
//! ordinary tests use the same entry points.

#[cfg(feature = "http")]
pub use crate::http::fuzz::{cookie, headers};
#[cfg(feature = "file")]
pub use crate::storage::file::fuzz::file;
#[cfg(feature = "redis")]
pub use crate::storage::redis::fuzz::{goframe, redis};

use crate::{BincodeCodec, Codec as _, Limits, SessionId, StoreKey};

/// A record of the file storage: if it can be decoded, encoding it again gives bytes that decode to the same.
pub fn record(data: &[u8]) {
    let limits = Limits::default();
    if let Ok(record) = BincodeCodec.decode(data, &limits) {
        let again = BincodeCodec.encode(&record).and_then(|bytes| BincodeCodec.decode(&bytes, &limits));
        assert_eq!(again.as_ref(), Ok(&record));
    }
}

/// Records and changes: bincode and this crate's own code must agree.
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
