//! Checks JSON texts without building a value.

use memchr::memchr;
use serde::de::IgnoredAny;

/// The deepest nesting that `serde_json` reads.
const MAX_READABLE_DEPTH: usize = 127;

/// Whether this is JSON that can be read as some type.
pub(super) fn is_readable(text: &[u8]) -> bool {
    let is_json = std::str::from_utf8(text).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    is_json && !has_lone_surrogate(text) && depth_of(text) <= MAX_READABLE_DEPTH
}

/// Whether a string in a JSON text has half a surrogate pair, which no `String` can represent.
pub(super) fn has_lone_surrogate(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(at) = memchr(b'\\', rest) {
        rest = rest.get(at..).unwrap_or_default();
        let (taken, is_lone) = match (unit(rest), rest.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, false),
            (Some(0xd800..=0xdfff), _) => (6, true),
            (Some(_), _) => (6, false),
            (None, _) => (2, false),
        };
        if is_lone {
            return true;
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    false
}

/// The UTF-16 code unit that a text begins with, as an escape of `\u` and four digits.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Whether a JSON text has an integer beyond 64 bits that loses digits as a float. An integer that is the exact spelling of
/// the float, such as GoFrame's 100000000000000000000 for 1e20, loses none.
pub(crate) fn has_inexact_integer(text: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'"' || is_part(byte)) {
        rest = rest.get(at..).unwrap_or_default();
        let length = if rest.starts_with(b"\"") {
            string_length(rest)
        } else {
            let length = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
            if rest.get(..length).is_some_and(is_inexact_integer) {
                return true;
            }
            length
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    false
}

/// The length of the string at the start of a text, with its quotes.
fn string_length(text: &[u8]) -> usize {
    let mut at = 1;
    loop {
        match text.get(at) {
            Some(b'\\') => at += 2,
            Some(b'"') | None => return at + 1,
            Some(_) => at += 1,
        }
    }
}

fn is_inexact_integer(number: &[u8]) -> bool {
    // Every shorter number fits into 64 bits.
    const SHORT: usize = 18;
    if number.len() <= SHORT || number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        return false;
    }
    let Ok(text) = std::str::from_utf8(number) else { return false };
    if text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok() {
        return false;
    }
    text.parse::<f64>().is_ok_and(|float| float.to_string() != text)
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
    use proptest::prelude::*;
    use serde_json::Value;

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
    fn half_a_surrogate_pair_is_found() {
        for json in [r#""\ud800""#, r#""\uDC00""#, r#"["a\\","\udfffx"]"#, r#""\ud800\ud800""#, r#""\ud83d\n""#] {
            assert!(has_lone_surrogate(json.as_bytes()), "{json}");
        }
        for json in [r#""\ud83d\ude00""#, r#""\\ud800""#, r#""\u0041""#, "1", "", r#""\"#, r#""\u12"#] {
            assert!(!has_lone_surrogate(json.as_bytes()), "{json}");
        }
    }

    #[test]
    fn an_integer_that_loses_digits_is_found() {
        for json in [
            "18446744073709551616",
            "-9223372036854775809",
            r#"{"a":[1,"x",123456789012345678901]}"#,
            r#"["\"",18446744073709551617]"#,
        ] {
            assert!(has_inexact_integer(json.as_bytes()), "{json}");
        }
        for json in [
            "18446744073709551615",
            "-9223372036854775808",
            "100000000000000000000",
            "0.12345678901234567890123",
            "1e300",
            r#""18446744073709551616""#,
            r#"["\"18446744073709551616"]"#,
            "",
            r#""\"#,
        ] {
            assert!(!has_inexact_integer(json.as_bytes()), "{json}");
        }
    }

    proptest! {
        #[test]
        fn a_text_is_readable_if_serde_json_reads_it(
            text in prop_oneof!["\\PC{0,20}", r#"["\\u{}\[\]:,0-9d8cf ]{0,16}"#, r#""(\\\\u[dD][89c-f][0-9]{2}|\\\\n|a){0,4}""#],
        ) {
            // Except for numbers, which JSON does not limit.
            prop_assert_eq!(is_readable(text.as_bytes()), serde_json::from_str::<Value>(&text).is_ok(), "{}", text);
        }
    }
}
