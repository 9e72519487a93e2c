//! Values as JSON text.

use std::{ops::Range, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use super::Entries;

/// The JSON text of one value. Cheap to clone: it shares the bytes of the record or of the write it came from.
#[derive(Clone)]
pub struct JsonText(Text);

#[derive(Clone)]
enum Text {
    Written(Arc<str>),
    Stored(Entries, Range<usize>),
}

impl JsonText {
    pub(crate) const fn written(text: Arc<str>) -> Self {
        Self(Text::Written(text))
    }

    pub(crate) const fn stored(entries: Entries, range: Range<usize>) -> Self {
        Self(Text::Stored(entries, range))
    }

    /// The JSON text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Written(text) => text.as_bytes(),
            Text::Stored(entries, range) => entries.slice(range.clone()),
        }
    }

    /// The JSON text as a string; empty if the storage held bytes that are not UTF-8.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The value. A text that begins with a space comes from a place that keeps no types, such as GoFrame's hashes: it is
    /// given as whatever is asked for.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, ValueError> {
        let decoded = serde_json::from_slice(self.as_bytes());
        match (decoded, self.as_bytes().first()) {
            (Err(error), Some(b' ')) if error.is_data() => self.decode_untyped().ok_or(ValueError::from_json(&error)),
            (decoded, _) => decoded.map_err(|error| ValueError::from_json(&error)),
        }
    }

    fn decode_untyped<T: DeserializeOwned>(&self) -> Option<T> {
        let text = self.as_str().trim_ascii_start();
        let as_string = serde_json::to_string(text).ok()?;
        if let Ok(value) = serde_json::from_str(&as_string) {
            return Some(value);
        }
        match text {
            "1" => serde_json::from_str("true").ok(),
            "0" | "\"\"" => serde_json::from_str("false").ok(),
            _ => None,
        }
    }
}

impl std::fmt::Debug for JsonText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JsonText({} bytes)", self.as_bytes().len())
    }
}

/// Why a value could not be written as JSON or read as the wanted type.
///
/// The message of the JSON library is left out on purpose, because it quotes the value (H6, ASVS 16.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The value is of another type than the wanted one.
    #[error("the value is not of the wanted type (column {column} of its JSON)")]
    WrongType {
        /// Where in the JSON text, counted from 1.
        column: usize,
    },
    /// What is stored is not JSON.
    #[error("the value is not valid JSON (column {column})")]
    Malformed {
        /// Where in the JSON text, counted from 1.
        column: usize,
    },
    /// The value cannot be written as JSON: a map with keys that are not strings, or its own `Serialize` refused.
    #[error("the value cannot be written as JSON")]
    NotSerializable,
}

impl ValueError {
    fn from_json(error: &serde_json::Error) -> Self {
        if error.is_data() {
            Self::WrongType { column: error.column() }
        } else {
            Self::Malformed { column: error.column() }
        }
    }
}

pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Arc<str>, ValueError> {
    serde_json::to_string(value).map(Into::into).map_err(|_| ValueError::NotSerializable)
}

/// How deeply arrays and objects are nested in a JSON text.
pub(crate) fn depth_of(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_strings() {
        for (json, depth) in
            [("1", 0), ("[]", 1), (r#"{"a":[1,[2]]}"#, 3), (r#""[[[[""#, 0), (r#"["\"[[["]"#, 1), ("[[],[[]]]", 3)]
        {
            assert_eq!(depth_of(json.as_bytes()), depth, "{json}");
        }
    }

    #[test]
    fn a_text_without_a_type_is_what_is_asked_for() {
        let text = |json: &str| JsonText::written(json.into());
        assert_eq!(text(" 42").decode::<u32>(), Ok(42));
        assert_eq!(text(" 42").decode::<String>().as_deref(), Ok("42"));
        assert_eq!(text(" 1").decode::<bool>(), Ok(true));
        assert_eq!(text(" 0").decode::<bool>(), Ok(false));
        assert_eq!(text("  \"\"").decode::<bool>(), Ok(false));
        assert_eq!(text("  \"\"").decode::<String>().as_deref(), Ok(""));
        assert_eq!(text(" [1,2]").decode::<Vec<u8>>(), Ok(vec![1, 2]));
        assert_eq!(text(" [1,2]").decode::<String>().as_deref(), Ok("[1,2]"));
        assert!(text(" 42").decode::<Vec<u8>>().is_err());
        assert!(text("42").decode::<String>().is_err(), "this one has a type");
    }

    #[test]
    fn errors_do_not_quote_the_value() {
        let text = JsonText::written(encode("hunter2").unwrap());
        let error = text.decode::<u32>().unwrap_err();
        assert!(matches!(error, ValueError::WrongType { .. }));
        assert!(!format!("{error} {error:?} {text:?}").contains("hunter2"));
    }
}
