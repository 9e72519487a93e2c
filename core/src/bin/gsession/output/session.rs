//! Sessions in JSON.

use std::net::IpAddr;

use gsession::{SessionInfo, StoreKey};
use serde::Serialize;
use serde_json::value::RawValue;

use super::Moment;

/// A session, with the names of [`SessionInfo`].
#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    key: String,
    principal: Option<String>,
    label: Option<String>,
    tag: Option<String>,
    created_at: Moment,
    last_seen: Moment,
    expires_at: Moment,
    absolute_deadline: Option<Moment>,
    authenticated_at: Option<Moment>,
    is_remembered: bool,
    address: Option<IpAddr>,
}

/// A session with its entries.
#[derive(Debug, Serialize)]
pub(crate) struct Detailed {
    #[serde(flatten)]
    pub(crate) session: Listed,
    pub(crate) entries: Vec<Entry>,
}

/// An entry. The value only if it was asked for; null if it is damaged.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    key: String,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    damaged: bool,
}

impl Entry {
    pub(crate) fn of(name: &str, text: &str, with_value: bool) -> Self {
        let value = value(text);
        let damaged = value.is_none();
        let value = with_value.then(|| value.unwrap_or_else(|| RawValue::NULL.to_owned()));
        Self { key: name.to_owned(), bytes: text.len(), value, damaged }
    }
}

/// The JSON of an entry in one line, or `None` if it is damaged: services take that for no entry.
pub(crate) fn value(text: &str) -> Option<Box<RawValue>> {
    let value = RawValue::from_string(text.to_owned()).ok()?;
    if !value.get().contains(['\n', '\r']) {
        return Some(value);
    }
    // JSON has line breaks only between its parts, where they mean nothing. Numbers stay as they are, to the last digit.
    RawValue::from_string(value.get().replace(['\n', '\r'], "")).ok()
}

impl Listed {
    pub(crate) fn of(key: &StoreKey, info: &SessionInfo) -> Self {
        let owned = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
        Self {
            key: key.to_string(),
            principal: owned(&info.principal),
            label: owned(&info.label),
            tag: owned(&info.tag),
            created_at: Moment(info.created_at),
            last_seen: Moment(info.last_seen),
            expires_at: Moment(info.expires_at),
            absolute_deadline: info.absolute_deadline.map(Moment),
            authenticated_at: info.authenticated_at.map(Moment),
            is_remembered: info.is_remembered,
            address: info.address,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_line_and_otherwise_as_it_was_stored() {
        let line = |text| value(text).map(|value| value.get().to_owned());
        for (text, expected) in [
            ("[1, 2]", "[1, 2]"),
            (
                "{\n  \"b\": 1.0000000000000000001,\r\n  \"a\": 123456789012345678901\n}\n",
                "{  \"b\": 1.0000000000000000001,  \"a\": 123456789012345678901}",
            ),
            ("\"a\\nb\"", "\"a\\nb\""),
        ] {
            assert_eq!(line(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "oops", "1\n2", "\"a\nb\"", "[1"] {
            assert_eq!(line(text), None, "{text}");
        }
    }
}
