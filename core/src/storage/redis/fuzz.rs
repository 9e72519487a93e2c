//! Entry points for fuzzers: what a server may return instead of a session.

use std::sync::LazyLock;

use redis::Value;

pub use super::goframe::fuzz::goframe;
use super::{
    layout::{Format, LayoutSettings},
    native::{Hashes, Strings},
};
use crate::{Limits, StoreKey, Timestamp, record::Access};

fn layout<L: Format>() -> Option<L> {
    L::new(LayoutSettings { prefix: None, limits: Limits::default(), codec: None, has_near_cache: false }).ok()
}

/// What `GET`, `HMGET` and `HGETALL` may return: the bytes as one value, and split at each `\xff` into fields and values.
pub fn redis(data: &[u8]) {
    let (key, access) = (StoreKey::from_bytes([7; 32]), Access::passive(Timestamp::default()));
    // Once for all calls: each has a table of its own.
    static STRINGS: LazyLock<Option<Strings>> = LazyLock::new(layout);
    static HASHES: LazyLock<Option<Hashes>> = LazyLock::new(layout);
    let (Some(strings), Some(hashes)) = (&*STRINGS, &*HASHES) else { return };
    strings.decode(&key, Value::BulkString(data.to_vec()), None, &access);
    let parts: Vec<Value> = data.split(|&byte| byte == 0xff).map(|part| Value::BulkString(part.to_vec())).collect();
    hashes.decode(&key, Value::Array(parts.clone()), Some(&["a", "b"]), &access);
    hashes.decode(&key, Value::Array(parts), None, &access);
}
