//! The key under which a storage keeps a session.

use std::fmt;

use sha2::{Digest, Sha256};

use super::SessionId;

/// SHA-256 of a [`SessionId`] and its [`Realm`](crate::Realm): the only form of an id that a storage sees.
///
/// A key from a storage, a backup or a log cannot be turned back into the cookie that opens the session, and the timing
/// of a look-up reveals nothing about ids (OWASP; CVE-2019-16782). `Display` writes 64 hexadecimal digits.
///
/// ```
/// use gsession::{SessionId, StoreKey};
///
/// let key = StoreKey::of(&SessionId::from_random([7; 32]));
/// assert_eq!(StoreKey::parse(&key.to_string()), Some(key));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoreKey {
    bytes: [u8; 32],
    /// How many of the bytes are a raw id; 0 for a hash.
    raw: u8,
}

/// How a storage names sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum KeyScheme {
    /// By the SHA-256 of their ids.
    #[default]
    Hashed,
    /// By the ids themselves, because another system that shares the storage does so. Anyone who can read the storage
    /// or a backup can take over its sessions. Ids have at most 32 characters.
    RawIds,
}

impl KeyScheme {
    /// Whether `id` can have a session.
    #[must_use]
    pub fn admits(self, id: &SessionId) -> bool {
        self == Self::Hashed || id.base().len() <= 32
    }

    /// The key of the session that `id` opens.
    #[must_use]
    pub fn key_of(self, id: &SessionId) -> StoreKey {
        match self {
            Self::RawIds => StoreKey::from_raw_id(id.base()).unwrap_or_else(|| StoreKey::of(id)),
            Self::Hashed => StoreKey::of(id),
        }
    }

    /// A key made of random bytes, as long as an ordinary one. No session has it.
    pub(crate) fn key_of_random(self, random: [u8; 32]) -> StoreKey {
        let key = StoreKey::from_bytes(random);
        match self {
            Self::Hashed => key,
            Self::RawIds => key.hex().get(..32).and_then(StoreKey::from_raw_id).unwrap_or(key),
        }
    }
}

impl StoreKey {
    /// The key of the list of a user's logins that are under way. No id leads to it: the key of a session is a hash of something
    /// else.
    pub(crate) fn of_logins(principal: &str) -> Self {
        let hash = Sha256::new().chain_update(b"gsession logins\0").chain_update(principal).finalize();
        Self::from_bytes(hash.into())
    }

    /// The key of the list of a tag, which names the principals that have logged in with it. No id leads to it, likewise.
    pub(crate) fn of_tag(tag: &str) -> Self {
        Self::from_bytes(Sha256::new().chain_update(b"gsession tag\0").chain_update(tag).finalize().into())
    }

    /// The key of the session that `id` opens if there is no [`Realm`](crate::Realm). The sessions of a middleware have
    /// one: use their [`key`](crate::AsyncSession::key), or the manager's [`key_of`](crate::AsyncManager::key_of).
    #[must_use]
    pub fn of(id: &SessionId) -> Self {
        Self::from_bytes(Sha256::digest(id.base()).into())
    }

    /// Parses 64 lower-case hexadecimal digits, as written by `Display`.
    #[must_use]
    pub fn parse(hex: &str) -> Option<Self> {
        let digits: &[u8; 64] = hex.as_bytes().try_into().ok()?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self::from_bytes(bytes))
    }

    /// The 32 bytes, for storages with binary keys.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The raw id, for a storage with [`KeyScheme::RawIds`].
    pub(crate) fn raw_id(&self) -> Option<&[u8]> {
        self.bytes.get(..usize::from(self.raw)).filter(|id| !id.is_empty())
    }

    /// The key of a raw id.
    pub(crate) fn from_raw_id(id: &[u8]) -> Option<Self> {
        let raw = u8::try_from(id.len()).ok().filter(|length| (1..=32).contains(length))?;
        let mut bytes = [0; 32];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(Self { bytes, raw })
    }

    /// A key from these 32 bytes, as returned by [`as_bytes`](Self::as_bytes).
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self { bytes, raw: 0 }
    }

    /// The bytes to show: of a raw id only its hash.
    fn shown(&self) -> [u8; 32] {
        match self.bytes.get(..usize::from(self.raw)) {
            Some(id) if !id.is_empty() => Sha256::digest(id).into(),
            _ => self.bytes,
        }
    }
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl StoreKey {
    /// The 64 hexadecimal digits to show.
    pub(crate) fn hex(&self) -> [u8; 64] {
        // Computed rather than looked up, so that the compiler handles many digits at once.
        let digit = |nibble: u8| nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
        let mut text = [0_u8; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.shown()) {
            pair[0] = digit(byte >> 4);
            pair[1] = digit(byte & 15);
        }
        text
    }
}

impl fmt::Display for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.hex()).unwrap_or_default())
    }
}

impl fmt::Debug for StoreKey {
    /// The first eight digits: enough to tell sessions apart in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.shown();
        write!(f, "StoreKey({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_sha256_of_the_text() {
        // printf 'AAAA…' (43 times A) | sha256sum
        let key = StoreKey::of(&SessionId::from_random([0; 32]));
        assert_eq!(key.to_string(), "0f007385b6f9d4b7eeb2748605afe1a984a0a3bfa3f014d09e2a784ce9e5cd1a".to_owned());
    }

    #[test]
    fn a_raw_id_is_its_own_key_and_never_shown() {
        let id = SessionId::custom("gf1234567890abcdefghijklmnopqrst").unwrap();
        let key = KeyScheme::RawIds.key_of(&id);
        assert_ne!(key, StoreKey::of(&id));
        assert_eq!(key.to_string(), StoreKey::of(&id).to_string());
        assert_eq!(format!("{key:?}"), format!("{:?}", StoreKey::of(&id)));
        assert!(KeyScheme::RawIds.admits(&id) && !KeyScheme::RawIds.admits(&SessionId::from_random([1; 32])));
        assert_eq!(KeyScheme::Hashed.key_of(&id), StoreKey::of(&id));
    }

    #[test]
    fn reads_only_its_own_spelling() {
        assert_eq!(StoreKey::parse(&"0".repeat(64)), Some(StoreKey::from_bytes([0; 32])));
        for text in ["", "0", &"0".repeat(63), &"0".repeat(65), &"A".repeat(64), &"g".repeat(64), "../../../etc/passwd"]
        {
            assert_eq!(StoreKey::parse(text), None, "{text}");
        }
    }
}
