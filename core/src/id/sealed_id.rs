//! The id that a session was renewed to, readable only with its old id.

use std::fmt;

use sha2::{Digest, Sha256};

use super::{SessionId, StoreKey};

/// Separates this use of SHA-256 from any other.
const TAG: &[u8; 16] = b"gsession sealed1";

/// The new id of a renewed session, sealed with its old one. A storage keeps it in the
/// [`Tombstone`](crate::storage::Tombstone) of the renewal.
///
/// A client whose response was lost comes back with the old id. If it logs the same user in again, it must get the new
/// id, which the server keeps in no other form. Reading the storage without the old id reveals nothing
/// ([R16](crate::design#r16)): the seal is a one-time pad, derived with SHA-256 from the old id and the new key. It is
/// as strong as the old id: a standard one has 256 random bits.
///
/// `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SealedId(Box<[u8]>);

impl SealedId {
    /// Nothing: a tombstone without a sealed id.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Seals `new`, which is stored under the key `to`, with `old`.
    pub(crate) fn seal(new: &SessionId, to: &StoreKey, old: &SessionId) -> Self {
        Self(pad(new.as_bytes(), to, old).into())
    }

    /// The new id, if `old` is what it was sealed with. The caller checks that it belongs to the key `to`.
    pub(crate) fn open(&self, to: &StoreKey, old: &SessionId) -> Option<SessionId> {
        let text = String::from_utf8(pad(&self.0, to, old)).ok()?;
        SessionId::custom(&text).ok()
    }

    /// The bytes to store: at most 512.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// From bytes returned by [`as_bytes`](Self::as_bytes). Any other bytes are harmless: they open to nothing.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

/// Seals or opens: both are the same.
fn pad(bytes: &[u8], to: &StoreKey, old: &SessionId) -> Vec<u8> {
    let seed = Sha256::new_with_prefix(TAG).chain_update(to.as_bytes()).chain_update(old.base());
    let mut padded = Vec::with_capacity(bytes.len());
    for (number, chunk) in (0_u32..).zip(bytes.chunks(32)) {
        // The counter comes last and has a fixed length, so each seed and counter gives different bytes.
        let block = seed.clone().chain_update(number.to_le_bytes()).finalize();
        padded.extend(chunk.iter().zip(block).map(|(byte, mask)| byte ^ mask));
    }
    padded
}

impl fmt::Debug for SealedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedId(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(byte: u8) -> SessionId {
        SessionId::from_random([byte; 32])
    }

    #[test]
    fn only_the_old_id_opens_it() {
        for new in [id(1), SessionId::custom(&"x".repeat(512)).unwrap(), SessionId::custom("x").unwrap()] {
            let (to, old) = (StoreKey::of(&new), id(2));
            let sealed = SealedId::seal(&new, &to, &old);
            assert_eq!(sealed.open(&to, &old), Some(new.clone()));
            assert_ne!(sealed.open(&to, &id(3)), Some(new.clone()));
            assert_ne!(sealed.open(&StoreKey::of(&id(4)), &old), Some(new.clone()));
            assert!(
                !sealed.as_bytes().windows(8).any(|part| new.as_str().as_bytes().windows(8).any(|held| held == part))
            );
            assert_eq!(SealedId::from_bytes(sealed.as_bytes()), sealed);
        }
        assert_eq!(SealedId::none().open(&StoreKey::of(&id(1)), &id(2)), None);
    }

    #[test]
    fn equal_ids_are_sealed_differently() {
        let (new, to) = (id(1), StoreKey::of(&id(1)));
        assert_ne!(SealedId::seal(&new, &to, &id(2)), SealedId::seal(&new, &to, &id(3)));
        // 43 characters take two blocks of the pad, which must not repeat.
        let sealed = SealedId::seal(&id(0), &to, &id(2));
        assert_ne!(sealed.as_bytes()[..11], sealed.as_bytes()[32..43]);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = SealedId::from_bytes(&bytes).open(&StoreKey::of(&id(1)), &id(2));
        }
    }
}
