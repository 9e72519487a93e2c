//! Decoding of entries. An entry whose text is not JSON counts as absent, with a warning ([S11](crate::design#s11)).
//! All reads go through here, so they agree.

use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::machine::Machine;
use crate::{
    Entries, Error, Limits, ValueError,
    record::{JsonText, Unreadable, Unwritable},
};

/// Decodes the value under `key`. The machine is not locked meanwhile, as decoding may run the application's code.
pub(super) fn decode<T: DeserializeOwned>(
    machine: &Mutex<Machine>,
    key: &str,
    text: Option<&JsonText>,
) -> Result<Option<T>, Error> {
    absent_if_damaged(machine, key, text.map(JsonText::decode).transpose())
}

/// Entries as JSON values.
pub(super) fn decode_all<'a>(
    machine: &Mutex<Machine>,
    entries: impl IntoIterator<Item = (&'a str, JsonText)>,
) -> Result<Map<String, Value>, Error> {
    let decoded = entries.into_iter().map(|(key, text)| {
        let value = absent_if_damaged(machine, key, text.decode_value().map(Some))?;
        Ok(value.map(|value| (key.to_owned(), value)))
    });
    decoded.filter_map(Result::transpose).collect()
}

/// Whether there is a value under `key`.
pub(super) fn is_present(machine: &Mutex<Machine>, key: &str, text: Option<&JsonText>) -> bool {
    let is_readable = text.is_some_and(JsonText::is_readable);
    if text.is_some() && !is_readable {
        machine.lock().report_damage(key);
    }
    is_readable
}

/// How many entries have a value.
pub(super) fn count(machine: &Mutex<Machine>, entries: &Entries) -> usize {
    entries.iter().filter(|(key, _)| is_present(machine, key, entries.get(key).as_ref())).count()
}

fn absent_if_damaged<T>(
    machine: &Mutex<Machine>,
    key: &str,
    decoded: Result<Option<T>, Unreadable>,
) -> Result<Option<T>, Error> {
    match decoded {
        Ok(value) => Ok(value),
        Err(Unreadable::Damaged) => {
            machine.lock().report_damage(key);
            Ok(None)
        }
        Err(Unreadable::Refused(error)) => Err(value_error(key, error)),
    }
}

/// The error for a value that is rejected.
pub(super) fn refused(key: &str, reason: Unwritable, limits: &Limits) -> Error {
    match reason {
        Unwritable::Value(reason) => value_error(key, reason),
        Unwritable::TooDeep => limits.beyond_depth().into(),
    }
}

fn value_error(key: &str, source: ValueError) -> Error {
    Error::Value { key: key.into(), source }
}
