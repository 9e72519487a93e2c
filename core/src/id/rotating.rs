//! The part of an id that rotates ([S15](crate::design#s15)).
//!
//! A session is stored under the first part of its id, which stays. Rotation gives the id a new second part, the *secret*. So the
//! session does not move, and a previous id is recognised until the session ends or is renewed: same first part, another secret. Of
//! the secrets a storage keeps only hashes, and the current one sealed with the previous id, for clients whose response was lost.

use std::fmt;

use rand::{TryRng as _, rngs::SysRng};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

use super::{IdError, SessionId, StoreKey, base64url};

/// Separates the two parts of an id.
const MARK: &str = "~~";
/// Length of a secret as text.
const SECRET_LEN: usize = 22;
/// Length of the second part of an id, with the mark.
pub(super) const SUFFIX_LEN: usize = MARK.len() + SECRET_LEN;

/// The second part of an id: 128 random bits (ASVS 7.2.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Secret([u8; 16]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a storage keeps of a secret: the first half of a SHA-256, or the sealed secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kept([u8; 16]);

/// Splits a text into an id and its secret, if it has one.
pub(crate) fn split(text: &str) -> (&str, Option<Secret>) {
    let parts = text.len().checked_sub(SUFFIX_LEN).and_then(|at| text.split_at_checked(at));
    let secret = |rest: &str| base64url::decode(rest.strip_prefix(MARK)?.as_bytes()).map(Secret);
    match parts.and_then(|(base, rest)| Some((base, secret(rest)?))) {
        Some((base, secret)) if !base.is_empty() => (base, Some(secret)),
        _ => (text, None),
    }
}

/// The text of an id with a secret.
pub(super) fn join(base: &str, secret: Secret) -> String {
    let text: [u8; SECRET_LEN] = base64url::encode(secret.0);
    let mut joined = String::with_capacity(base.len() + SUFFIX_LEN);
    joined.push_str(base);
    joined.push_str(MARK);
    joined.extend(text.map(char::from));
    joined
}

impl Secret {
    /// A new one, from the operating system's generator.
    pub(crate) fn generate() -> Result<Self, IdError> {
        let mut bytes = [0; 16];
        SysRng
            .try_fill_bytes(&mut bytes)
            .map_err(|error| IdError::new("the operating system's random generator failed").with_source(error))?;
        Ok(Self(bytes))
    }

    /// What a storage keeps to recognise it, for the session under `key`.
    pub(crate) fn hash(self, key: &StoreKey) -> Kept {
        Kept(half(b"gsession rotated", &[key.as_bytes(), &self.0]))
    }

    /// Seals it for a client that presents the id `before`.
    pub(crate) fn seal(self, key: &StoreKey, before: &SessionId) -> Kept {
        Kept(mask(self.0, key, before))
    }
}

impl Kept {
    /// The secret that was sealed for a client that presents the id `before`.
    pub(crate) fn open(self, key: &StoreKey, before: &SessionId) -> Secret {
        Secret(mask(self.0, key, before))
    }

    /// As text.
    pub(crate) fn text(self) -> String {
        base64url::encode::<16, SECRET_LEN>(self.0).map(char::from).iter().collect()
    }
}

/// Seals or opens: both are the same. A one-time pad: each id is followed by one other at most.
fn mask(bytes: [u8; 16], key: &StoreKey, before: &SessionId) -> [u8; 16] {
    let pad = half(b"gsession rotate!", &[key.as_bytes(), before.as_bytes()]);
    std::array::from_fn(|at| bytes[at] ^ pad[at])
}

/// The first half of a SHA-256. The parts before the last have fixed lengths.
fn half(tag: &[u8; 16], parts: &[&[u8]]) -> [u8; 16] {
    let hash = parts.iter().fold(Sha256::new_with_prefix(tag), |hash, part| hash.chain_update(part)).finalize();
    std::array::from_fn(|at| hash[at])
}

impl Serialize for Kept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        base64url::decode(text.as_bytes()).map(Self).ok_or_else(|| de::Error::custom("not 16 bytes in base64url"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> SessionId {
        SessionId::from_random([byte; 32])
    }

    #[test]
    fn a_text_is_split_only_at_a_whole_secret() {
        let secret = Secret([9; 16]);
        let text = join("base", secret);
        assert_eq!(text.len(), 4 + SUFFIX_LEN);
        assert_eq!(split(&text), ("base", Some(secret)));
        let twice = join(&text, secret);
        assert_eq!(split(&twice), (text.as_str(), Some(secret)));
        for whole in [
            "",
            "base",
            "base~~",
            &text[..text.len() - 1],
            &text[4..],
            &format!("{text}A"),
            &text.replace("~~", "~-"),
            // The unused bits of the last character are not zero.
            &format!("{}h", &text[..text.len() - 1]),
            "bäse~~ööööööööööö",
        ] {
            assert_eq!(split(whole), (whole, None), "{whole}");
        }
    }

    #[test]
    fn only_the_id_before_opens_a_sealed_secret() {
        let (key, secret) = (StoreKey::of(&id(1)), Secret([7; 16]));
        let before = id(1).with_secret(Secret([8; 16]));
        let sealed = secret.seal(&key, &before);
        assert!(sealed.open(&key, &before) == secret);
        assert!(sealed.open(&key, &id(1)) != secret, "an older id is not enough");
        assert!(sealed.open(&StoreKey::of(&id(2)), &before) != secret);
        assert_ne!(sealed.0, secret.0);
        assert_ne!(secret.hash(&key), secret.hash(&StoreKey::of(&id(2))));
        assert_ne!(secret.hash(&key), Secret([8; 16]).hash(&key));
    }

    #[test]
    fn what_is_kept_is_written_and_read_as_recorded() {
        // For ever: a build that reads it differently logs everybody out.
        // python3 -c 'import hashlib,base64; print(base64.urlsafe_b64encode(hashlib.sha256(b"gsession rotated"+bytes(32)+bytes([7]*16)).digest()[:16]))'
        let hash = Secret([7; 16]).hash(&StoreKey::from_bytes([0; 32]));
        assert_eq!(serde_json::from_str::<Kept>(&format!("{:?}", hash.text())).unwrap(), hash);
        assert_eq!(hash.text(), "beMWkgsYqqSSF1fIdnn8Xw");
        for bad in ["\"\"", "\"A\"", "1", "null", "\"AAAAAAAAAAAAAAAAAAAAAB\""] {
            assert!(serde_json::from_str::<Kept>(bad).is_err(), "{bad}");
        }
    }
}
