//! The name under which a storage knows a session.

use std::fmt;

use sha2::{Digest, Sha256};

use super::SessionId;

/// SHA-256 of a [`SessionId`]: the only form of an id that a storage ever sees.
///
/// Whoever reads a storage, a backup or a log of keys cannot turn a key back into the cookie that opens the session, and
/// the timing of a look-up tells nothing about ids (OWASP; CVE-2019-16782). `Display` writes 64 hexadecimal digits.
///
/// ```
/// use gsession::{SessionId, StoreKey};
///
/// let key = StoreKey::of(&SessionId::from_random([7; 32]));
/// assert_eq!(StoreKey::parse(&key.to_string()), Some(key));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoreKey([u8; 32]);

impl StoreKey {
    /// The key of the session that `id` opens.
    #[must_use]
    pub fn of(id: &SessionId) -> Self {
        Self(Sha256::digest(id.as_bytes()).into())
    }

    /// Reads 64 lower-case hexadecimal digits, as `Display` writes them.
    #[must_use]
    pub fn parse(hex: &str) -> Option<Self> {
        let digits: &[u8; 64] = hex.as_bytes().try_into().ok()?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self(bytes))
    }

    /// The 32 bytes, for storages with binary keys.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A key of these 32 bytes, as [`as_bytes`](Self::as_bytes) gave them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0_u8; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
            pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for StoreKey {
    /// The first eight digits: enough to tell sessions apart in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
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
    fn reads_only_its_own_spelling() {
        assert_eq!(StoreKey::parse(&"0".repeat(64)), Some(StoreKey([0; 32])));
        for text in ["", "0", &"0".repeat(63), &"0".repeat(65), &"A".repeat(64), &"g".repeat(64), "../../../etc/passwd"]
        {
            assert_eq!(StoreKey::parse(text), None, "{text}");
        }
    }
}
