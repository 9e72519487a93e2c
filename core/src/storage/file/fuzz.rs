//! The entry point of fuzzers.

use super::format::{self, Content, Decoded};
use crate::{BincodeCodec, Limits};

/// Decodes `data` as a session file: as it is, and behind a valid header, so that fuzzing reaches the record and the log.
pub fn file(data: &[u8]) {
    let limits = Limits::default();
    let read = |bytes: &[u8]| format::decode(bytes, &BincodeCodec, &limits);
    let header = format::decode_deadlines(data);
    if let Ok(decoded) = read(data) {
        assert!(header.is_ok(), "a file without a header was read");
        assert!(decoded.log.is_none_or(|log| log.ends <= data.len()), "a log that is longer than its file");
        if let Content::Session(record) = decoded.content {
            let written = format::encode_session(&record, &BincodeCodec).ok();
            let again = written.and_then(|bytes| read(&bytes).ok()).map(|Decoded { content, .. }| content);
            assert_eq!(again, Some(Content::Session(record)));
        }
    }
    let (kind, content) = data.split_first().unwrap_or((&0, data));
    let _ = read(&format::frame_1(*kind, 1, 1, content));
    // The first bytes are the content, the others a log with right checksums.
    let (content, payload) = content.split_at(content.len().min(usize::from(*kind)));
    if let Some(mut bytes) = format::frame(1 + kind % 2, 1, 1, content, &[0; 16]) {
        format::with_payload(&mut bytes, payload);
        let _ = read(&bytes);
    }
}
