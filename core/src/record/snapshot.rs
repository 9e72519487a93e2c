//! A session as a request has read it.

#[cfg(feature = "encryption")]
use std::sync::Arc;

use super::{Entries, JsonText, Record, StoredValue};

/// A session as it was read from a storage.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Snapshot {
    /// The record; after [`fetch`](crate::Storage::fetch) it may have only some of the entries.
    pub record: Record,
    /// Whether the record has all its entries.
    pub complete: bool,
    /// Whether reading counted as activity, so that no separate touch is needed.
    pub extended: bool,
    /// A number that changes with every commit, for storages that compare and set; 0 if unknown. A commit answers the revision
    /// of the state that its request knows, or 0; never the revision of a state with changes by others.
    pub revision: u64,
    /// The value in the storage, for storages that compare it when they write; `None` if that is not known to be the state that
    /// `record` shows.
    pub stored: Option<StoredValue>,
    /// The session as the storage below has it, if this one was sealed there; `None` if that is not known to be this state.
    #[cfg(feature = "encryption")]
    pub(crate) below: Option<Arc<Self>>,
}

impl Snapshot {
    /// A complete record, not yet extended.
    #[must_use]
    pub const fn complete(record: Record) -> Self {
        Self {
            record,
            complete: true,
            extended: false,
            revision: 0,
            stored: None,
            #[cfg(feature = "encryption")]
            below: None,
        }
    }

    /// Merges a later read of the entries `asked` for, or of all entries. The later read decides about the session, and an entry
    /// that it asked for and did not find is gone. Only the other entries of the earlier read stay.
    pub(crate) fn merge(&mut self, later: Self, asked: Option<&[&str]>) {
        let mut record = later.record;
        if let (false, Some(asked)) = (later.complete, asked) {
            let kept = self.record.entries.iter().filter(|(key, _)| !asked.contains(key));
            // Each read is below 4 GiB, so the fallback to the later read alone is hardly ever needed.
            record.entries = Entries::pack(kept.chain(record.entries.iter())).unwrap_or(record.entries);
        }
        // What stays of an earlier read belongs to the later state if nobody has changed the session in between. Otherwise this is
        // no state that the session ever had, and only a read of everything makes it one again.
        let is_one_state = later.complete || (later.revision != 0 && later.revision == self.revision);
        // A read through a cache may be older than this request's own activity.
        if self.record.last_seen > record.last_seen {
            record.last_seen = self.record.last_seen;
            if !record.is_remembered {
                record.idle_timeout = self.record.idle_timeout;
            }
        }
        *self = Self {
            record,
            complete: self.complete | later.complete,
            extended: self.extended | later.extended,
            revision: if is_one_state { later.revision } else { 0 },
            stored: later.stored.filter(|_| is_one_state),
            #[cfg(feature = "encryption")]
            below: later.below.filter(|_| is_one_state),
        };
    }

    /// Updates one entry after a conflict. The other entries may have changed too, so the revision is unknown.
    pub(crate) fn correct(&mut self, key: &str, text: Option<&JsonText>) {
        let others = self.record.entries.iter().filter(|(held, _)| *held != key);
        let current = text.map(|text| (key, text.as_str()));
        if let Some(entries) = Entries::pack(others.chain(current)) {
            self.record.entries = entries;
            self.is_now(0);
        }
    }

    /// The state has changed to one of this revision, as the record shows it. The storage was not asked.
    pub(crate) fn is_now(&mut self, revision: u64) {
        (self.revision, self.stored) = (revision, None);
        #[cfg(feature = "encryption")]
        {
            self.below = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Timestamp;

    fn read(at: u64, principal: &str, entries: &[(&str, &str)]) -> Snapshot {
        let at = Timestamp::from_millis(at);
        let mut record = Record::new(at, Duration::from_millis(at.as_millis()), Some(at));
        record.principal = Some(principal.into());
        record.entries = Entries::pack(entries.iter().copied()).unwrap();
        Snapshot { complete: false, revision: at.as_millis(), ..Snapshot::complete(record) }
    }

    #[test]
    fn a_later_read_decides_about_the_session() {
        let mut snapshot = read(1, "ada", &[("a", "1"), ("b", "1")]);
        let later = read(2, "eve", &[("c", "2")]);
        snapshot.merge(later.clone(), Some(&["b", "c"]));
        assert_eq!(snapshot.record.entries, Entries::pack([("a", "1"), ("c", "2")]).unwrap());
        assert_eq!(Record { entries: later.record.entries.clone(), ..snapshot.record.clone() }, later.record);
        assert_eq!(snapshot.revision, 0);
        snapshot.merge(Snapshot { complete: true, ..later.clone() }, None);
        assert_eq!((&snapshot.record, snapshot.revision), (&later.record, 2));
    }

    #[test]
    fn a_stored_value_belongs_to_all_that_is_known_or_is_dropped() {
        let stored = |revision| Snapshot {
            revision,
            stored: Some(StoredValue::whole_of(vec![1])),
            ..read(1, "ada", &[("a", "1"), ("b", "1")])
        };
        for (later, is_kept) in [(stored(1), true), (stored(2), false), (stored(0), false)] {
            let mut snapshot = stored(later.revision.min(1));
            snapshot.merge(later, Some(&["b"]));
            assert_eq!(snapshot.stored.is_some(), is_kept, "{snapshot:?}");
            assert_eq!(snapshot.revision != 0, is_kept, "{snapshot:?}");
            // A mixture stays one, however often the later state is read in part.
            snapshot.merge(stored(2), Some(&["c"]));
            assert!(snapshot.stored.is_none() && snapshot.revision == 0, "{snapshot:?}");
            snapshot.merge(Snapshot { complete: true, ..stored(3) }, None);
            assert!(snapshot.stored.is_some());
            snapshot.correct("a", None);
            assert_eq!((snapshot.revision, snapshot.stored), (0, None));
        }
    }

    #[test]
    fn activity_is_not_forgotten() {
        let mut snapshot = read(5, "ada", &[]);
        snapshot.merge(read(2, "eve", &[]), Some(&[]));
        assert_eq!(snapshot.record.last_seen, Timestamp::from_millis(5));
        assert_eq!(snapshot.record.idle_timeout, Duration::from_millis(5));
        assert_eq!(snapshot.record.created_at, Timestamp::from_millis(2));
        // The idle timeout of a remembered session is not that of the activity.
        let mut later = read(3, "eve", &[]);
        later.record.is_remembered = true;
        snapshot.merge(later.clone(), Some(&[]));
        assert_eq!(snapshot.record.last_seen, Timestamp::from_millis(5));
        assert_eq!(snapshot.record.idle_timeout, later.record.idle_timeout);
    }
}
