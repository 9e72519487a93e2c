//! Entries as fields.

use crate::Changes;

/// The field of the header.
pub(super) const HEAD: &[u8] = b"m";
/// The field of the entry [`TAG`](crate::record::reserved::TAG). It is read whenever the session may be touched, because who touches a
/// session with a tag has to know it.
pub(super) const TAG: &[u8] = b":gsession.tag";

/// The field of an entry.
pub(super) fn field(key: &str) -> Vec<u8> {
    let mut field = Vec::with_capacity(1 + key.len());
    field.push(b':');
    field.extend_from_slice(key.as_bytes());
    field
}

/// What changes do to the fields of entries.
pub(super) struct Fields<'a> {
    /// Those to set, with their values.
    pub(super) sets: Vec<(Vec<u8>, &'a str)>,
    /// Those to remove.
    pub(super) removals: Vec<Vec<u8>>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(changes: &'a Changes) -> Self {
        let sets = changes.edits().filter_map(|(key, edit)| Some((field(key), edit?))).collect();
        let removals = changes.edits().filter(|(_, edit)| edit.is_none()).map(|(key, _)| field(key)).collect();
        Self { sets, removals }
    }

    /// As arguments of a script: the pairs to set, then the fields to remove.
    pub(super) fn args(&self) -> impl Iterator<Item = &[u8]> {
        let pairs = self.sets.iter().flat_map(|(field, json)| [field.as_slice(), json.as_bytes()]);
        pairs.chain(self.removals.iter().map(Vec::as_slice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_of_the_tag_is_that_of_its_entry() {
        assert_eq!(field(crate::record::reserved::TAG), TAG);
    }
}
