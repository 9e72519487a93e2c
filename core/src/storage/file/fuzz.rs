//! The entry point of fuzzers.

use super::format::{self, Content};
use crate::{BincodeCodec, Limits, Timestamp};

/// Decodes `data` as a session file: as it is, and behind a valid header, so that fuzzing reaches the record.
pub fn file(data: &[u8]) {
    let limits = Limits::default();
    let read = |bytes: &[u8]| format::decode(bytes, Timestamp::default(), &BincodeCodec, &limits);
    let header = format::decode_deadlines(data);
    if let Ok(content) = read(data) {
        assert!(header.is_ok(), "a file without a header was read");
        if let Content::Session(record) = content {
            let written = format::encode_session(&record, &BincodeCodec).ok();
            assert_eq!(written.and_then(|bytes| read(&bytes).ok()), Some(Content::Session(record)));
        }
    }
    let (kind, content) = data.split_first().unwrap_or((&0, data));
    let _ = read(&format::frame(*kind, 1, 1, content));
}
