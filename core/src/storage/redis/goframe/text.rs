//! Values as GoFrame writes and reads them.
//!
//! In its JSON, Go escapes what is special in HTML and writes floating-point numbers in its own way. In the fields of a hash
//! there are plain texts: a string as it is, `1` and `0` for booleans, nothing for nil, JSON for what is composed. So a
//! field does not tell its type: `1` may have been a number, a string or a boolean. Such a value becomes a text
//! [without a type](crate::record::untyped), which is read as whatever type is asked for, as GoFrame does.

use serde::de::IgnoredAny;

use crate::record::{depth_of, untyped};

/// An empty field: an empty string, or GoFrame's nil. The second mark tells it from a field that holds two quotes.
const EMPTY: &str = "  \"\"";

/// A field's text as JSON. It is a string for certain if it is not JSON, or JSON that GoFrame never writes there: a quoted
/// string, `null`, or more than `max_depth` levels. A visitor may have typed it.
pub(super) fn to_json(text: &str, max_depth: usize) -> String {
    let is_json = text.starts_with(|letter: char| letter.is_ascii_digit() || "-tf[{".contains(letter))
        && serde_json::from_str::<IgnoredAny>(text).is_ok()
        && depth_of(text.as_bytes()) <= max_depth;
    if text.is_empty() {
        EMPTY.to_owned()
    } else if is_json {
        untyped::mark(text)
    } else {
        serde_json::to_string(text).unwrap_or_default()
    }
}

/// JSON as the text of a field. What [`to_json`] has made becomes what it was.
pub(super) fn from_json(json: &str) -> String {
    if json == EMPTY {
        return String::new();
    }
    if let Some(text) = untyped::unmark(json) {
        return text.to_owned();
    }
    match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str(json).unwrap_or_default(),
        Some(b't') => "1".to_owned(),
        Some(b'f') => "0".to_owned(),
        Some(b'n') | None => String::new(),
        Some(b'[' | b'{') => as_go(json),
        Some(_) if is_integer(json) => json.to_owned(),
        Some(_) => json.parse::<f64>().map_or_else(|_| json.to_owned(), |number| number.to_string()),
    }
}

fn is_integer(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
}

/// JSON as Go writes it.
pub(super) fn as_go(json: &str) -> String {
    let mut text = String::with_capacity(json.len() + 8);
    let (mut rest, mut in_string) = (json.trim_ascii_start(), false);
    while let Some(letter) = rest.chars().next() {
        if in_string {
            let (piece, length) = match letter {
                '\\' => (rest.get(..2).unwrap_or(rest), 2),
                '<' => ("\\u003c", 1),
                '>' => ("\\u003e", 1),
                '&' => ("\\u0026", 1),
                '\u{2028}' => ("\\u2028", 3),
                '\u{2029}' => ("\\u2029", 3),
                other => (rest.get(..other.len_utf8()).unwrap_or_default(), other.len_utf8()),
            };
            in_string = letter != '"';
            text.push_str(piece);
            rest = rest.get(length..).unwrap_or_default();
        } else if letter == '-' || letter.is_ascii_digit() {
            let end = rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len());
            let (number, after) = rest.split_at(end);
            text.push_str(&number_as_go(number));
            rest = after;
        } else {
            in_string = letter == '"';
            text.push(letter);
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
        }
    }
    text
}

/// A number as Go writes it: with an exponent only if it is very large or very small.
fn number_as_go(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(number) if !is_integer(text) && number.is_finite() => {
            let size = number.abs();
            if size != 0.0 && !(1e-6..1e21).contains(&size) {
                let text = format!("{number:e}");
                if text.contains("e-") { text } else { text.replace('e', "e+") }
            } else {
                number.to_string()
            }
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_is_written_as_go_does() {
        for (ours, gos) in [
            (r#"{"a":"<b> & c"}"#, r#"{"a":"\u003cb\u003e \u0026 c"}"#),
            (r#"["\\<","\""]"#, r#"["\\\u003c","\""]"#),
            ("[1,-2,1.0,1.5,1e21,1e-7,0.000001,9007199254740993]", "[1,-2,1,1.5,1e+21,1e-7,0.000001,9007199254740993]"),
            ("\"\u{2028}é\"", "\"\\u2028é\""),
        ] {
            assert_eq!(as_go(ours), gos);
        }
    }

    #[test]
    fn fields_are_texts() {
        for (json, text) in [
            ("\"ada\"", "ada"),
            ("\"\"", ""),
            ("true", "1"),
            ("false", "0"),
            ("null", ""),
            ("42", "42"),
            ("1.5", "1.5"),
            ("3.0", "3"),
            ("1e21", "1000000000000000000000"),
            ("1e-7", "0.0000001"),
            (r#"["a","b<c"]"#, r#"["a","b\u003cc"]"#),
        ] {
            assert_eq!(from_json(json), text);
        }
    }

    #[test]
    fn a_fields_type_is_open_if_its_text_is_json() {
        for (text, json) in
            [("42", " 42"), ("ada", "\"ada\""), ("007", "\"007\""), ("true", " true"), ("", EMPTY), ("{", "\"{\"")]
        {
            assert_eq!(to_json(text, 2), json);
        }
    }

    /// A visitor may have typed them.
    #[test]
    fn a_text_that_goframe_writes_for_no_other_value_is_a_string() {
        for text in ["\"ada\"", "\"\"", "null", "[[[1]]]", "{\"a\":[{}]}", "1 2"] {
            assert_eq!(to_json(text, 2), serde_json::to_string(text).unwrap());
        }
        assert_eq!(to_json("[[1]]", 2), " [[1]]");
    }

    proptest! {
        #[test]
        fn what_was_a_field_becomes_the_same_field(text in prop_oneof!["\\PC{0,12}", "[ \"{}\\[\\]0-9.e-]{0,6}"]) {
            let json = to_json(&text, 2);
            prop_assert!(depth_of(json.as_bytes()) <= 2);
            prop_assert!(serde_json::from_str::<IgnoredAny>(&json).is_ok());
            prop_assert_eq!(from_json(&json), text);
        }

        #[test]
        fn json_as_go_writes_it_means_the_same(text in "\\PC{0,20}", number in any::<f64>()) {
            let value = serde_json::json!({ "t": text, "list": [text, null, true] });
            let back: serde_json::Value = serde_json::from_str(&as_go(&value.to_string())).unwrap();
            prop_assert_eq!(value, back);
            prop_assume!(number.is_finite());
            let back = as_go(&serde_json::to_string(&number).unwrap());
            prop_assert_eq!(back.parse(), Ok(number));
        }
    }
}
