//! An entry point for fuzzers.

use redis::Value;

use super::{hashes, json, text, tombstone::Tombstone};
use crate::Limits;

/// What GoFrame may have stored: a JSON object, the fields of a hash (split at each `\xff`), a tombstone of ours.
pub fn goframe(data: &[u8]) {
    let limits = Limits::default();
    if let Ok(entries) = json::decode(data, &limits) {
        // What was there stays as it was.
        let written = json::encode(&entries, |_| false);
        assert_eq!(json::decode(written.as_bytes(), &limits).as_ref(), Ok(&entries));
        // What is written as Go does means the same.
        let as_go = json::encode(&entries, |_| true);
        assert_eq!(json::decode(as_go.as_bytes(), &limits).map(|entries| entries.len()), Ok(entries.len()));
    }
    let parts = data.split(|&byte| byte == 0xff).map(|part| Value::BulkString(part.to_vec()));
    hashes::entries(Value::Array(parts.collect()), &limits);
    if let Ok(field) = std::str::from_utf8(data) {
        assert_eq!(text::from_json(&text::to_json(field, limits.max_depth)), field);
    }
    if let Some(tombstone) = Tombstone::decode(data) {
        assert_eq!(tombstone.encode(), data);
    }
}
