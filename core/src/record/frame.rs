//! Changes as bytes, for storages that append what a request did to what they hold.

use bincode::config::{Configuration, Limit, LittleEndian, Varint};

use super::{Changes, CodecError};

/// The texts are borrowed from the input, so the bound only has to stop absurd lengths before they are used.
const CONFIG: Configuration<LittleEndian, Varint, Limit<{ 1 << 31 }>> =
    bincode::config::standard().with_limit::<{ 1 << 31 }>();

/// Whether everything was cleared, the new principal if there is one, the number of edits.
type Head<'a> = (bool, Option<Option<&'a str>>, u32);
/// A key, and what it is set to; `None` removes it.
type Edit<'a> = (&'a str, Option<&'a str>);

const MALFORMED: CodecError = CodecError::Malformed { reason: "damaged or cut short" };

impl Changes {
    /// Writes these changes behind `bytes`.
    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
        const FAILED: CodecError = CodecError::Malformed { reason: "bincode could not write it" };
        let principal = self.principal();
        let count = u32::try_from(self.edit_count()).map_err(|_| FAILED)?;
        let head: Head<'_> = (self.is_cleared(), principal, count);
        bincode::encode_into_std_write(head, bytes, CONFIG).map_err(|_| FAILED)?;
        for (key, edit) in self.edits() {
            let edit: Edit<'_> = (key, edit);
            bincode::encode_into_std_write(edit, bytes, CONFIG).map_err(|_| FAILED)?;
        }
        Ok(())
    }

    /// Reads changes from the start of `bytes`, which may be anything; what is behind them is returned too.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Self, &[u8]), CodecError> {
        let (head, read): (Head<'_>, usize) =
            bincode::borrow_decode_from_slice(bytes, CONFIG).map_err(|_| MALFORMED)?;
        let (cleared, principal, count) = head;
        let mut rest = bytes.get(read..).unwrap_or_default();
        // An edit takes at least two bytes, so this bounds the list by the size of the input.
        if count as usize > rest.len() / 2 {
            return Err(CodecError::Malformed { reason: "more edits than bytes" });
        }
        let mut changes = Self::default();
        if cleared {
            changes.clear();
        }
        if let Some(principal) = principal {
            changes.set_principal(principal.map(Into::into));
        }
        for _ in 0..count {
            let (edit, read): (Edit<'_>, usize) =
                bincode::borrow_decode_from_slice(rest, CONFIG).map_err(|_| MALFORMED)?;
            match edit {
                (key, Some(json)) => changes.set(key, json),
                (key, None) => changes.remove(key),
            }
            rest = rest.get(read..).unwrap_or_default();
        }
        Ok((changes, rest))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_written_and_read_as_recorded() {
        let mut changes = Changes::default();
        changes.clear();
        changes.set("n", "1");
        changes.remove("x");
        changes.set_principal(Some("ada".into()));
        let mut bytes = Vec::new();
        changes.encode(&mut bytes).unwrap();
        assert_eq!(bytes, b"\x01\x01\x01\x03ada\x02\x01n\x01\x011\x01x\x00");
        bytes.extend_from_slice(b"next");
        assert_eq!(Changes::decode(&bytes), Ok((changes, &b"next"[..])));
    }

    #[test]
    fn a_huge_count_allocates_nothing() {
        assert!(Changes::decode(b"\x00\x00\xfc\xff\xff\xff\xff").is_err());
    }

    proptest! {
        #[test]
        fn whatever_comes_is_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Changes::decode(&bytes);
        }

        #[test]
        fn what_is_written_is_read(
            cleared: bool,
            principal in prop::option::of(prop::option::of("\\PC{0,5}")),
            edits in prop::collection::vec(("\\PC{0,5}", prop::option::of("\\PC{0,9}")), 0..8),
        ) {
            let mut changes = Changes::default();
            if cleared {
                changes.clear();
            }
            if let Some(principal) = principal {
                changes.set_principal(principal.map(Into::into));
            }
            for (key, edit) in &edits {
                match edit {
                    Some(json) => changes.set(key, json.as_str()),
                    None => changes.remove(key),
                }
            }
            let mut bytes = Vec::new();
            changes.encode(&mut bytes).unwrap();
            prop_assert_eq!(Changes::decode(&bytes), Ok((changes, &[][..])));
        }
    }
}
