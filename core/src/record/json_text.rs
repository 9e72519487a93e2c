//! The JSON text of one value, and reading it.

use std::{ops::Range, sync::Arc};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    ValueError,
    json_scan::{has_inexact_integer, has_lone_surrogate, is_readable},
    typed_keys, untyped,
};

/// The JSON text of one value. Cheap to clone: it shares the bytes of the record or the write that it comes from.
#[derive(Clone)]
pub struct JsonText {
    block: Arc<[u8]>,
    range: Range<usize>,
}

impl JsonText {
    pub(crate) fn whole(text: Arc<str>) -> Self {
        let range = 0..text.len();
        Self { block: text.into(), range }
    }

    /// A part of a block of bytes.
    pub(super) const fn part(block: Arc<[u8]>, range: Range<usize>) -> Self {
        Self { block, range }
    }

    /// The JSON text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.block.get(self.range.clone()).unwrap_or_default()
    }

    /// The JSON text as a string; empty if the stored bytes are not UTF-8.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The value. A text [without a type](untyped) is read as whatever type is asked for.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, Unreadable> {
        let text = self.as_bytes();
        // Otherwise only readers that skip the string would succeed.
        if has_lone_surrogate(text) {
            return Err(Unreadable::Damaged);
        }
        serde_json::from_slice(text).or_else(|error| {
            if !is_readable(text) {
                return Err(Unreadable::Damaged);
            }
            let other = typed_keys::decode(text).or_else(|| untyped::decode(self.as_str()));
            other.ok_or(Unreadable::Refused(ValueError::WrongType { column: error.column() }))
        })
    }

    /// The value as a JSON value, without rounding integers. A text without a type becomes a string if its integers do not
    /// fit.
    pub(crate) fn decode_value(&self) -> Result<Value, Unreadable> {
        let text = self.as_bytes();
        if !has_inexact_integer(text) {
            return self.decode();
        }
        match (is_readable(text), untyped::is_untyped(self.as_str())) {
            (false, _) => Err(Unreadable::Damaged),
            (true, true) => Ok(Value::String(self.as_str().trim_ascii_start().to_owned())),
            (true, false) => Err(Unreadable::Refused(ValueError::InexactInteger)),
        }
    }

    /// Whether [`decode`](Self::decode) finds the text undamaged.
    pub(crate) fn is_readable(&self) -> bool {
        is_readable(self.as_bytes())
    }
}

impl std::fmt::Debug for JsonText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JsonText({} bytes)", self.as_bytes().len())
    }
}

/// Why a stored value cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// The text is not JSON: its entry counts as absent ([S11](crate::design#s11)).
    Damaged,
    /// It is JSON, but not of the wanted type.
    Refused(ValueError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_a_type_is_read_as_the_requested_type() {
        let text = |json: &str| JsonText::whole(json.into());
        assert_eq!(text(" 42").decode::<u32>(), Ok(42));
        assert_eq!(text(" 42").decode::<String>().as_deref(), Ok("42"));
        assert_eq!(text(" 1").decode::<bool>(), Ok(true));
        assert_eq!(text(" 0").decode::<bool>(), Ok(false));
        assert_eq!(text("  \"\"").decode::<bool>(), Ok(false));
        assert_eq!(text("  \"\"").decode::<String>().as_deref(), Ok(""));
        assert_eq!(text("  \"\"").decode::<Option<u8>>(), Ok(None));
        assert_eq!(text("  \"\"").decode::<()>(), Ok(()));
        assert_eq!(text(" [1,2]").decode::<Vec<u8>>(), Ok(vec![1, 2]));
        assert_eq!(text(" [1,2]").decode::<String>().as_deref(), Ok("[1,2]"));
        assert!(text(" 42").decode::<Vec<u8>>().is_err());
        assert!(text("42").decode::<String>().is_err(), "this one has a type");
    }

    #[test]
    fn a_text_without_a_type_that_is_no_valid_number_is_still_a_string() {
        for token in ["1e999", "7e450", "123456789012345678901234567890"] {
            let text = JsonText::whole(format!(" {token}").into());
            assert_eq!(text.decode::<String>().as_deref(), Ok(token));
            assert!(text.decode_value().is_ok(), "{token}");
        }
    }

    #[test]
    fn text_that_is_not_json_is_damaged_for_every_type() {
        for json in ["", "{oops", "1 2", "\"\\ud800\"", "[1,", "nul", "{\"a\":1,}"] {
            let text = JsonText::whole(json.into());
            assert!(!text.is_readable(), "{json}");
            assert_eq!(text.decode::<String>(), Err(Unreadable::Damaged), "{json}");
            assert_eq!(text.decode::<Option<bool>>(), Err(Unreadable::Damaged), "{json}");
            assert_eq!(text.decode::<serde::de::IgnoredAny>().map(drop), Err(Unreadable::Damaged), "{json}");
            assert_eq!(text.decode_value(), Err(Unreadable::Damaged), "{json}");
        }
    }

    #[test]
    fn an_integer_is_read_with_all_its_digits_or_refused() {
        let text = |json: &str| JsonText::whole(json.into());
        let refused = Err(Unreadable::Refused(ValueError::InexactInteger));
        assert_eq!(text("[18446744073709551616]").decode_value(), refused);
        assert_eq!(text("18446744073709551616").decode::<u128>(), Ok(1 << 64));
        assert_eq!(text("18446744073709551615").decode_value(), Ok(Value::from(u64::MAX)));
        assert_eq!(text(" 18446744073709551616").decode_value(), Ok(Value::from("18446744073709551616")));
        assert_eq!(text("100000000000000000000").decode_value(), Ok(Value::from(1e20)));
    }

    #[test]
    fn errors_do_not_quote_the_value() {
        let text = JsonText::whole("\"hunter2\"".into());
        let Err(Unreadable::Refused(error)) = text.decode::<u32>() else { panic!("it is no number") };
        assert!(matches!(error, ValueError::WrongType { .. }));
        assert!(!format!("{error} {error:?} {text:?}").contains("hunter2"));
    }
}
