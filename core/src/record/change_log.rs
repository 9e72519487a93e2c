//! Changes as bytes, for storages that append them to a log instead of rewriting the session.

use std::sync::Arc;

use super::{
    Changes, CodecError, Entries, Limits,
    binary::{read, write},
    depth_of,
    reserved::is_reserved,
};

/// Whether everything was cleared, the new principal if it was changed, and the number of edits.
type Head<'a> = (bool, Option<Option<&'a str>>, u32);
/// A key, and what it is set to; `None` removes it.
type Edit<'a> = (&'a str, Option<&'a str>);

impl Changes {
    /// Appends these changes to `bytes`.
    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
        let principal = self.principal();
        let count = u32::try_from(self.edit_count()).map_err(|_| CodecError::TooLarge { reason: "entries" })?;
        let head: Head<'_> = (self.is_cleared(), principal, count);
        write(head, bytes)?;
        for (key, edit) in self.edits() {
            let edit: Edit<'_> = (key, edit);
            write(edit, bytes)?;
        }
        Ok(())
    }
}

/// Applies a log of changes to a session's entries and principal. The log may contain arbitrary bytes.
pub(crate) fn replay(
    mut log: &[u8],
    entries: &Entries,
    principal: Option<Arc<str>>,
    limits: &Limits,
) -> Result<(Entries, Option<Arc<str>>), CodecError> {
    if log.is_empty() {
        return Ok((entries.clone(), principal));
    }
    let mut principal = principal;
    let mut list: Vec<(&str, &str)> = entries.iter().collect();
    while !log.is_empty() {
        let ((cleared, changed, count), mut rest) = read::<Head<'_>>(log)?;
        if cleared {
            list.retain(|(key, _)| is_reserved(key.as_bytes()));
        }
        if let Some(changed) = changed {
            principal = changed.map(Into::into);
        }
        for _ in 0..count {
            let ((key, edit), behind) = read::<Edit<'_>>(rest)?;
            rest = behind;
            match (list.binary_search_by(|(held, _)| (*held).cmp(key)), edit) {
                (Ok(at), Some(json)) => list[at].1 = json,
                (Ok(at), None) => {
                    list.remove(at);
                }
                (Err(at), Some(json)) => list.insert(at, (key, json)),
                (Err(_), None) => {}
            }
        }
        log = rest;
    }
    if list.iter().any(|(_, json)| depth_of(json.as_bytes()) > limits.max_depth) {
        return Err(CodecError::TooLarge { reason: "nesting" });
    }
    let bytes = list.iter().map(|(key, json)| key.len() + json.len()).sum();
    limits.check_total(list.len(), bytes).map_err(|_| CodecError::TooLarge { reason: "entries or bytes" })?;
    let entries = Entries::pack_sorted(list.iter().copied()).ok_or(CodecError::TooLarge { reason: "bytes" })?;
    Ok((entries, principal))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn replayed(log: &[u8]) -> Result<(Entries, Option<Arc<str>>), CodecError> {
        replay(log, &Entries::EMPTY, None, &Limits::default())
    }

    #[test]
    fn the_format_of_changes_is_stable() {
        let mut changes = Changes::default();
        changes.clear();
        changes.set("n", "1");
        changes.remove("x");
        changes.set_principal(Some("ada".into()));
        let mut bytes = Vec::new();
        changes.encode(&mut bytes).unwrap();
        assert_eq!(bytes, b"\x01\x01\x01\x03ada\x02\x01n\x01\x011\x01x\x00");
        let before = Entries::pack([("a", "0"), ("x", "2")]).unwrap();
        let after = replay(&bytes, &before, None, &Limits::default());
        assert_eq!(after, Ok((Entries::pack([("n", "1")]).unwrap(), Some("ada".into()))));
        for cut in 1..bytes.len() {
            assert!(replayed(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_huge_count_allocates_nothing() {
        assert!(replayed(b"\x00\x00\xfc\xff\xff\xff\xff").is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = replayed(&bytes);
        }

        #[test]
        fn a_log_has_the_effect_of_its_changes(
            log in prop::collection::vec(
                (any::<bool>(), prop::option::of(prop::option::of("\\PC{0,5}")),
                    prop::collection::vec(("[a-e]", prop::option::of("[0-9]{1,3}")), 0..5)),
                0..6,
            ),
        ) {
            let before = Entries::pack([("a", "1"), ("c", "2")]).unwrap();
            let (mut bytes, mut all) = (Vec::new(), Changes::default());
            for (cleared, principal, edits) in &log {
                let mut changes = Changes::default();
                if *cleared {
                    changes.clear();
                }
                if let Some(principal) = principal {
                    changes.set_principal(principal.clone().map(Into::into));
                }
                for (key, edit) in edits {
                    match edit {
                        Some(json) => changes.set(key, json.as_str()),
                        None => changes.remove(key),
                    }
                }
                changes.encode(&mut bytes).unwrap();
                all.then(changes);
            }
            let limits = Limits::default();
            let (entries, principal) = replay(&bytes, &before, Some("eve".into()), &limits).unwrap();
            prop_assert_eq!(entries, all.apply_to(&before, &limits).unwrap());
            prop_assert_eq!(principal.as_deref(), all.principal().unwrap_or(Some("eve")));
        }
    }
}
