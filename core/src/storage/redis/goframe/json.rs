//! A session as one JSON object, as GoFrame's `StorageRedis` keeps it.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::text::as_go;
use crate::{
    CodecError, Limits,
    record::{Entries, depth_of},
};

/// The object with these entries. Those that `are_new` are written as Go does; the others stay as they were, digit for digit.
pub(super) fn encode(entries: &Entries, are_new: impl Fn(&str) -> bool) -> String {
    let mut text = String::with_capacity(2 + entries.text_bytes() + 4 * entries.len());
    text.push('{');
    for (at, (key, json)) in entries.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(&as_go(&serde_json::to_string(key).unwrap_or_default()));
        text.push(':');
        if are_new(key) {
            text.push_str(&as_go(json));
        } else {
            text.push_str(json);
        }
    }
    text.push('}');
    text
}

/// The object that a text is, which may be anything. GoFrame takes `null` for an empty session.
fn object(text: &[u8]) -> Option<BTreeMap<String, &RawValue>> {
    if text == b"null" { Some(BTreeMap::new()) } else { serde_json::from_slice(text).ok() }
}

/// Whether a text is a session, be it one over the limits: that is not served, but somebody may want it ended.
pub(super) fn is_session(text: &[u8]) -> bool {
    object(text).is_some()
}

/// The entries of a session, which may be anything.
pub(super) fn decode(text: &[u8], limits: &Limits) -> Result<Entries, CodecError> {
    let object = object(text).ok_or(CodecError::Malformed { reason: "not a JSON object" })?;
    if object.len() > limits.max_entries {
        return Err(CodecError::TooLarge { reason: "entries" });
    }
    if object.values().any(|json| depth_of(json.get().as_bytes()) > limits.max_depth) {
        return Err(CodecError::TooLarge { reason: "nesting" });
    }
    let pairs = object.iter().map(|(key, json)| (key.as_str(), json.get()));
    let entries = Entries::pack(pairs).ok_or(CodecError::TooLarge { reason: "bytes" })?;
    if entries.text_bytes() > limits.max_record_bytes {
        return Err(CodecError::TooLarge { reason: "bytes" });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_what_go_writes_for_the_same_map() {
        let entries = Entries::pack([("user", "\"<ada>\""), ("n", "1.0"), ("a&b", "[1,2]")]).unwrap();
        let text = encode(&entries, |_| true);
        assert_eq!(text, r#"{"a\u0026b":[1,2],"n":1,"user":"\u003cada\u003e"}"#);
        let kept = Entries::pack([("n", "1.0"), ("x", "12345678901234567890.50")]).unwrap();
        assert_eq!(encode(&kept, |_| false), r#"{"n":1.0,"x":12345678901234567890.50}"#);
        let back = decode(text.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(back.get("user").unwrap().as_str(), r#""\u003cada\u003e""#);
        assert_eq!(back.len(), 3);
        assert_eq!(encode(&Entries::EMPTY, |_| true), "{}");
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let limits = Limits::default().max_entries(1).max_depth(2);
        for text in ["", "[]", "{", "1", r#"{"a":}"#, r#"{"a":1,"b":2}"#, r#"{"a":[[[]]]}"#, "\u{feff}{}"] {
            assert!(decode(text.as_bytes(), &limits).is_err(), "{text}");
        }
        assert!(decode(b"null", &limits).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn whatever_comes_is_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = decode(&bytes, &Limits::default());
        }
    }
}
