//! The stores of actix-session 0.11.

mod cookie;
#[cfg(feature = "redis")]
mod redis;

use serde_json::{Map, Value};

pub use self::cookie::ActixSessionCookie;
#[cfg(feature = "redis")]
pub use self::redis::ActixSessionRedis;
use super::{PeerLookup, PeerSession};
use crate::{Timestamp, record::has_inexact_integer};

/// Reads a state: an object that has each value as JSON in a string.
fn read(state: &str, expires_at: Option<Timestamp>) -> PeerLookup {
    let Ok(texts) = serde_json::from_str::<Map<String, Value>>(state) else {
        return PeerLookup::Unreadable("its state is not a JSON object");
    };
    let value = |(key, text): (String, Value)| {
        // It would be rounded.
        let text = text.as_str().filter(|text| !has_inexact_integer(text.as_bytes()))?;
        Some((key, serde_json::from_str(text).ok()?))
    };
    match texts.into_iter().map(value).collect() {
        Some(values) => PeerLookup::Found(PeerSession::new(values, expires_at)),
        None => PeerLookup::Unreadable("a value is not JSON in a string, or an integer beyond 64 bits"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_json_in_a_string() {
        let PeerLookup::Found(session) =
            read(r#"{"user":"\"ada\"","n":"18446744073709551615","o":"{\"a\":[1.5]}"}"#, None)
        else {
            panic!("it can be read")
        };
        assert_eq!(Value::from(session.values), serde_json::json!({"user": "ada", "n": u64::MAX, "o": {"a": [1.5]}}));
        let deep = format!("{{\"a\":\"{}\"}}", "[".repeat(10_000));
        let big = r#"{"a":"[18446744073709551617]"}"#;
        for bad in ["", "[]", "1", "{", r#"{"a":1}"#, r#"{"a":"x"}"#, r#"{"a":"\"ada\"","b":null}"#, &deep, big] {
            assert!(matches!(read(bad, None), PeerLookup::Unreadable(_)), "{bad}");
        }
    }
}
