//! Texts without a type, from a place that keeps none, such as the fields of GoFrame's hashes: `1` may be a number, a string or
//! a boolean. They are read as whatever type is asked for.
//!
//! Such a text is JSON with a space in front. JSON allows that space, and gsession's own encoder never writes it. It exists in
//! memory only.

use serde::de::DeserializeOwned;

const MARK: char = ' ';

/// Marks JSON as a text without a type.
#[cfg(feature = "redis")]
pub(crate) fn mark(json: &str) -> String {
    format!("{MARK}{json}")
}

/// The text without its mark; `None` if it has none.
#[cfg(feature = "redis")]
pub(crate) fn unmark(text: &str) -> Option<&str> {
    text.strip_prefix(MARK)
}

pub(super) fn is_untyped(text: &str) -> bool {
    text.starts_with(MARK)
}

/// A text that does not have the type that was asked for, read as a string, a boolean or nothing.
pub(super) fn decode<T: DeserializeOwned>(text: &str) -> Option<T> {
    let text = text.strip_prefix(MARK)?.trim_ascii_start();
    let as_string = serde_json::to_string(text).ok()?;
    if let Ok(value) = serde_json::from_str(&as_string) {
        return Some(value);
    }
    let meanings: &[&str] = match text {
        "1" => &["true"],
        "0" => &["false"],
        "\"\"" => &["null", "false"],
        _ => &[],
    };
    meanings.iter().find_map(|meaning| serde_json::from_str(meaning).ok())
}
