//! Checks values, records and changes against the limits.

#[cfg(any(feature = "file", feature = "redis", feature = "postgres", feature = "sqlite"))]
use super::{Changes, Record};
use super::{Encoded, LimitExceeded, Limits};

impl Limits {
    /// Checks an entry whose value has just been encoded.
    pub(crate) fn check_encoded(&self, key: &str, value: &Encoded) -> Result<(), LimitExceeded> {
        self.check_sizes(key, value.text.len())?;
        self.check_depth(value.depth)
    }

    /// Checks an entry with any text as its value.
    #[cfg(any(feature = "file", feature = "redis", feature = "postgres", feature = "sqlite"))]
    pub(crate) fn check_entry(&self, key: &str, json: &str) -> Result<(), LimitExceeded> {
        self.check_sizes(key, json.len())?;
        // A value of n bytes cannot be nested deeper than n / 2, so short ones need no scan.
        if json.len() > 2 * self.max_depth { self.check_depth(super::depth_of(json.as_bytes())) } else { Ok(()) }
    }

    /// Checks a whole record. A record that could not be read again must not be written.
    #[cfg(any(feature = "file", feature = "redis", feature = "postgres", feature = "sqlite"))]
    pub(crate) fn check_record(&self, record: &Record) -> Result<(), LimitExceeded> {
        self.check_principal(record.principal.as_deref())?;
        self.check_total(record.entries.len(), record.entries.text_bytes())?;
        record.entries.iter().try_for_each(|(key, json)| self.check_entry(key, json))
    }

    /// Checks the changes of a commit, regardless of the session. Removing an entry is always allowed, whatever its key.
    #[cfg(any(feature = "file", feature = "redis", feature = "postgres", feature = "sqlite"))]
    pub(crate) fn check_changes(&self, changes: &Changes) -> Result<(), LimitExceeded> {
        let mut sets = changes.edits().filter_map(|(key, json)| Some((key, json?)));
        sets.try_for_each(|(key, json)| self.check_entry(key, json))?;
        changes.principal().map_or(Ok(()), |principal| self.check_principal(principal))
    }
}
