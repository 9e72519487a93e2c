//! What one request changed in a session.

use std::{fmt, ops::Range, sync::Arc};

use super::{
    Access, Entries, JsonText, Lifespan, LimitExceeded, Limits, Record, edit::Edit, packed::Packed,
    reserved::is_reserved,
};

/// What one request changed in a session: keys it set or removed, whether it cleared everything, the principal, and how long the
/// session lives. Never a whole snapshot, so overlapping requests do not overwrite each other ([S3](crate::design#s3)).
///
/// ```
/// use gsession::{Changes, Entries};
///
/// let mut changes = Changes::default();
/// changes.set("seen", "2");
/// changes.remove("cart");
/// let before = Entries::pack([("cart", "[]"), ("user", "\"ada\"")]).unwrap();
/// let after = changes.apply_to(&before, &gsession::Limits::default())?;
/// assert_eq!(after.iter().collect::<Vec<_>>(), [("seen", "2"), ("user", "\"ada\"")]);
/// # Ok::<(), gsession::LimitExceeded>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Changes {
    cleared: bool,
    /// Sorted by key. A clear discards earlier edits.
    edits: Vec<Edit>,
    principal: Option<Option<Arc<str>>>,
    lifespan: Option<Lifespan>,
}

impl Changes {
    /// Sets `key` to a JSON text.
    pub fn set(&mut self, key: &str, json: impl AsRef<str>) {
        self.set_bytes(key, json.as_ref().as_bytes());
    }

    /// Sets `key` to the bytes of a JSON text.
    pub(crate) fn set_bytes(&mut self, key: &str, json: &[u8]) {
        self.put(Edit::new(key, Some(json)));
    }

    /// Removes `key`.
    pub fn remove(&mut self, key: &str) {
        self.put(Edit::new(key, None));
    }

    /// Removes every entry of the application, including those set before. What a login has left stays: entries whose keys
    /// begin with `gsession.`.
    pub fn clear(&mut self) {
        self.cleared = true;
        self.edits.retain(|edit| is_reserved(edit.key()));
    }

    /// Sets whose session this is; `None` makes it anonymous.
    pub fn set_principal(&mut self, principal: Option<Arc<str>>) {
        self.principal = Some(principal);
    }

    /// Sets how long the session lives.
    pub const fn set_lifespan(&mut self, lifespan: Lifespan) {
        self.lifespan = Some(lifespan);
    }

    /// Takes back the principal and all that a login sets.
    pub(crate) fn withdraw_login(&mut self) {
        (self.principal, self.lifespan) = (None, None);
        self.edits.retain(|edit| !is_reserved(edit.key()));
    }

    fn put(&mut self, edit: Edit) {
        match self.position(edit.key()) {
            Ok(at) => self.edits[at] = edit,
            Err(at) => self.edits.insert(at, edit),
        }
    }

    /// Where the edit of `key` is, or would be.
    fn position(&self, key: &[u8]) -> Result<usize, usize> {
        self.edits.binary_search_by(|held| held.key().cmp(key))
    }

    /// Whether nothing was changed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        let Self { cleared, edits, principal, lifespan } = self;
        !*cleared && edits.is_empty() && principal.is_none() && lifespan.is_none()
    }

    /// Changes what a record holds besides its entries, which [`apply_to`](Self::apply_to) changes.
    pub(crate) fn apply_facts(&self, record: &mut Record, access: &Access) {
        if let Some(principal) = &self.principal {
            record.principal.clone_from(principal);
        }
        self.apply_lifespan(record, access);
    }

    /// Changes the deadlines of a record.
    pub(crate) fn apply_lifespan(&self, record: &mut Record, access: &Access) {
        if let Some(lifespan) = self.lifespan {
            lifespan.begin(record, access);
        }
    }

    /// Whether an entry or a principal was set. Removals alone do not create a session.
    #[must_use]
    pub fn has_content(&self) -> bool {
        self.logs_in() || self.edits.iter().any(|edit| edit.json().is_some())
    }

    /// Whether all earlier entries of the application are removed.
    #[must_use]
    pub const fn is_cleared(&self) -> bool {
        self.cleared
    }

    /// The keys that were set (with their JSON texts) or removed (`None`), sorted by key. They apply after a clear.
    pub fn edits(&self) -> impl ExactSizeIterator<Item = (&str, Option<&str>)> {
        self.edits.iter().map(Edit::texts)
    }

    /// The new principal, if it was changed; `Some(None)` if it was removed.
    #[must_use]
    pub fn principal(&self) -> Option<Option<&str>> {
        self.principal.as_ref().map(Option::as_deref)
    }

    /// How long the session lives from now on; `None` if that was not changed.
    #[must_use]
    pub const fn lifespan(&self) -> Option<Lifespan> {
        self.lifespan
    }

    /// Whether they set a principal.
    pub(crate) const fn logs_in(&self) -> bool {
        matches!(self.principal, Some(Some(_)))
    }

    pub(crate) fn new_principal(&self) -> Option<&Option<Arc<str>>> {
        self.principal.as_ref()
    }

    /// The value of `key` after these changes: `None` if they do not change it, `Some(None)` if they remove it.
    pub(crate) fn get(&self, key: &str) -> Option<Option<JsonText>> {
        match self.position(key.as_bytes()) {
            Ok(at) => Some(self.edits[at].json_text()),
            Err(_) => (self.cleared && !is_reserved(key.as_bytes())).then_some(None),
        }
    }

    /// Restores an earlier edit of `key`; `None` for a key that was not changed then.
    pub(crate) fn restore(&mut self, key: &str, edit: Option<Edit>) {
        match edit {
            Some(edit) => self.put(edit),
            None => self.edits.retain(|held| held.key() != key.as_bytes()),
        }
    }

    /// The edit of exactly `key`, regardless of a clear.
    pub(crate) fn edit_of(&self, key: &str) -> Option<Edit> {
        self.position(key.as_bytes()).ok().map(|at| self.edits[at].clone())
    }

    /// Adds later changes.
    pub(crate) fn then(&mut self, later: Self) {
        let Self { cleared, edits, principal, lifespan } = later;
        if cleared {
            self.clear();
        }
        if self.edits.is_empty() {
            self.edits = edits;
        } else {
            edits.into_iter().for_each(|edit| self.put(edit));
        }
        if principal.is_some() {
            self.principal = principal;
        }
        self.lifespan = lifespan.or(self.lifespan);
    }

    pub(crate) fn edit_count(&self) -> usize {
        self.edits.len()
    }

    pub(crate) fn edit_bytes(&self) -> usize {
        self.edits.iter().map(Edit::bytes).sum()
    }

    /// The entries after these changes.
    ///
    /// # Errors
    ///
    /// [`LimitExceeded`] if the entries are too many or too large. A session that is already over a limit (the limit may have
    /// been lowered) may still shrink.
    pub fn apply_to(&self, before: &Entries, limits: &Limits) -> Result<Entries, LimitExceeded> {
        if !self.cleared && self.edits.is_empty() {
            return Ok(before.clone());
        }
        let reserved;
        let kept = if self.cleared {
            reserved = before.reserved();
            reserved.packed()
        } else {
            before.packed()
        };
        let (mut count, mut bytes) = (0, 0);
        self.merge(kept, |run, edit| {
            count += run.len() + usize::from(edit.is_some());
            bytes += kept.bytes(&run) + edit.map_or(0, Edit::bytes);
        });
        if count > before.len() || bytes > before.text_bytes() {
            limits.check_total(count, bytes)?;
        }
        let entries = Entries::written(count, bytes, |packer| {
            self.merge(kept, |run, edit| {
                packer.copy(kept, run);
                if let Some(edit) = edit {
                    packer.put(edit.key(), edit.json().unwrap_or_default());
                }
            });
        });
        entries.ok_or(LimitExceeded::Record { limit: limits.max_record_bytes, actual: bytes })
    }

    /// Visits the result of the edits in the order of keys: runs of entries that stay, and the new entry behind each.
    fn merge(&self, kept: Packed<'_>, mut visit: impl FnMut(Range<usize>, Option<&Edit>)) {
        let mut next = 0;
        for edit in &self.edits {
            let (at, behind) = match kept.position(edit.key()) {
                Ok(replaced) => (replaced, replaced + 1),
                Err(between) => (between, between),
            };
            visit(next..at, Some(edit).filter(|edit| edit.json().is_some()));
            next = behind;
        }
        visit(next..kept.len(), None);
    }
}

impl fmt::Debug for Changes {
    /// Without keys and values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes")
            .field("cleared", &self.cleared)
            .field("edits", &self.edits.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Op {
        Set(String, String),
        Remove(String),
        Clear,
    }

    /// Of the application, or of our own.
    fn key() -> impl Strategy<Value = String> {
        "[a-e]|gsession\\.[ab]"
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            4 => (key(), "[0-9]{1,3}").prop_map(|(k, v)| Op::Set(k, v)),
            2 => key().prop_map(Op::Remove),
            1 => Just(Op::Clear),
        ]
    }

    fn record(changes: &mut Changes, model: &mut BTreeMap<String, String>, op: &Op) {
        match op {
            Op::Set(k, v) => {
                changes.set(k, v.as_str());
                model.insert(k.clone(), v.clone());
            }
            Op::Remove(k) => {
                changes.remove(k);
                model.remove(k);
            }
            Op::Clear => {
                changes.clear();
                model.retain(|key, _| is_reserved(key.as_bytes()));
            }
        }
    }

    proptest! {
        #[test]
        fn applying_changes_equals_making_them_one_by_one(before in prop::collection::btree_map(key(), "[0-9]{1,3}", 0..5), ops in prop::collection::vec(op(), 0..12), cut in 0..12_usize) {
            let entries = Entries::pack(before.iter().map(|(k, v)| (k.as_str(), v.as_str()))).unwrap();
            let mut model = before.clone();
            let (mut first, mut second) = (Changes::default(), Changes::default());
            for (at, op) in ops.iter().enumerate() {
                record(if at < cut { &mut first } else { &mut second }, &mut model, op);
            }
            let limits = Limits::default();
            let in_two_steps = second.apply_to(&first.apply_to(&entries, &limits).unwrap(), &limits).unwrap();
            first.then(second);
            let at_once = first.apply_to(&entries, &limits).unwrap();
            prop_assert_eq!(&at_once, &in_two_steps);
            prop_assert!(at_once.iter().eq(model.iter().map(|(k, v)| (k.as_str(), v.as_str()))));
            for key in ["a", "b", "c", "d", "e", "gsession.a", "gsession.b"] {
                let seen = first.get(key).unwrap_or_else(|| entries.get(key));
                prop_assert_eq!(seen.as_ref().map(JsonText::as_str), model.get(key).map(String::as_str));
            }
        }
    }

    #[test]
    fn limits_stop_growth_but_not_shrinking() {
        let before = Entries::pack([("a", "1"), ("b", "2"), ("c", "3")]).unwrap();
        let limits = Limits::default().max_entries(2);
        let mut changes = Changes::default();
        changes.remove("a");
        assert_eq!(changes.apply_to(&before, &limits).unwrap().len(), 2);
        changes.set("a", "1");
        changes.set("d", "4");
        assert_eq!(changes.apply_to(&before, &limits), Err(LimitExceeded::Entries { limit: 2, actual: 4 }));
    }
}
