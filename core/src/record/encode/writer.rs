//! Writes JSON text, and keeps track of what has to be checked.

use std::ops::Range;

use serde::Serialize;

use crate::{
    ValueError,
    record::{limits::MAX_DEPTH, typed_keys::looks_typed},
};

/// The text so far, and the facts about it.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) text: Vec<u8>,
    /// The number of open arrays and objects.
    pub(super) depth: usize,
    /// The largest depth so far.
    pub(super) deepest: usize,
    /// The ranges of the keys of all open objects in the text, those of the innermost object last.
    pub(super) keys: Vec<Range<usize>>,
    /// The number of keys that are integers or booleans.
    pub(super) typed_keys: usize,
    /// Whether a string key or a field name looks like one of those.
    pub(super) has_lookalike: bool,
    /// The first refusal, in case a `Serialize` implementation ignores it and goes on.
    pub(super) refused: Option<Unwritable>,
}

/// Why a value is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unwritable {
    #[error(transparent)]
    Value(#[from] ValueError),
    /// It is nested deeper than any [`Limits::max_depth`](crate::Limits::max_depth) can allow.
    #[error("the value is nested too deeply")]
    TooDeep,
}

/// The error type of the serializers. [`Unwritable`] does not implement serde's trait itself, because that would allow creating
/// one from any text.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct Refused(pub(super) Unwritable);

impl serde::ser::Error for Refused {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        // The text may quote the value.
        Self(Unwritable::Value(ValueError::NotSerializable))
    }
}

impl Writer {
    pub(super) fn note(&mut self, written: Result<(), Refused>) -> Result<(), Refused> {
        if let Err(Refused(reason)) = &written {
            self.refused.get_or_insert(*reason);
        }
        written
    }

    /// Writes a string or a number, which needs no check.
    pub(super) fn plain<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        serde_json::to_writer(&mut self.text, value)
            .map_err(|_| Refused(Unwritable::Value(ValueError::NotSerializable)))
    }

    pub(super) fn open(&mut self, bracket: u8) -> Result<(), Refused> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Refused(Unwritable::TooDeep));
        }
        self.deepest = self.deepest.max(self.depth);
        self.text.push(bracket);
        Ok(())
    }

    pub(super) fn close(&mut self, bracket: u8) {
        self.depth = self.depth.saturating_sub(1);
        self.text.push(bracket);
    }

    /// `{"name":`
    pub(super) fn open_variant(&mut self, name: &str) -> Result<(), Refused> {
        self.open(b'{')?;
        let start = self.text.len();
        self.plain(name)?;
        self.note_name(start);
        self.text.push(b':');
        Ok(())
    }

    /// Checks whether the name or key that was written from `start` on looks like an integer or a boolean.
    pub(super) fn note_name(&mut self, start: usize) {
        let name = self.text.get(start + 1..self.text.len().saturating_sub(1)).unwrap_or_default();
        // A quick test that rules out nearly all names.
        if matches!(name, [b'-' | b'0'..=b'9' | b't' | b'f', ..]) {
            self.has_lookalike |= std::str::from_utf8(name).is_ok_and(looks_typed);
        }
    }

    /// Removes the keys of one object, from number `first` on. Refuses the value if two of them are equal.
    pub(super) fn end_keys(&mut self, first: usize) -> Result<(), Refused> {
        // With few keys, compare each with each: most differ in length.
        const FEW: usize = 8;
        let text = &self.text;
        let key = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default();
        let keys = self.keys.get_mut(first..).unwrap_or_default();
        let is_twice = if keys.len() <= FEW {
            let mut rest = &*keys;
            std::iter::from_fn(|| rest.split_off_first().map(|one| (one, rest)))
                .any(|(one, rest)| rest.iter().any(|other| one.len() == other.len() && key(one) == key(other)))
        } else if keys.is_sorted_by(|a, b| key(a) < key(b)) {
            false
        } else {
            keys.sort_unstable_by(|a, b| key(a).cmp(key(b)));
            keys.windows(2).any(|pair| matches!(pair, [a, b] if key(a) == key(b)))
        };
        self.keys.truncate(first);
        if is_twice { Err(Refused(Unwritable::Value(ValueError::DuplicateKey))) } else { Ok(()) }
    }
}
