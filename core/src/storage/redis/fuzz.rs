//! Doors for fuzzers: what a server may have in the place of a session.

use std::sync::LazyLock;

use redis::Value;

pub use super::goframe::fuzz::goframe;
use super::{
    layout::Plain as _,
    native::{Hashes, Native, Strings},
};
use crate::{Limits, StoreKey, Timestamp, record::Access};

/// What `GET`, `HMGET` and `HGETALL` may answer: all of it as one value, and cut at each `\xff` into fields and values.
pub fn redis(data: &[u8]) {
    let (key, access) = (StoreKey::from_bytes([7; 32]), Access::passive(Timestamp::default()));
    // Once for all calls: they keep a table of their own.
    static STRINGS: LazyLock<Option<Native<Strings>>> =
        LazyLock::new(|| Native::new("", Limits::default(), Strings::new(None)).ok());
    static HASHES: LazyLock<Option<Native<Hashes>>> = LazyLock::new(|| Native::new("", Limits::default(), Hashes).ok());
    let (Some(strings), Some(hashes)) = (&*STRINGS, &*HASHES) else { return };
    strings.understood(&key, Value::BulkString(data.to_vec()), None, &access);
    let parts: Vec<Value> = data.split(|&byte| byte == 0xff).map(|part| Value::BulkString(part.to_vec())).collect();
    hashes.understood(&key, Value::Array(parts.clone()), Some(&["a", "b"]), &access);
    hashes.understood(&key, Value::Array(parts), None, &access);
}
