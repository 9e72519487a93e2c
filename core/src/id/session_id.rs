//! The secret a client holds.

use std::fmt;

use super::{
    base64url,
    rotating::{self, SUFFIX_LEN, Secret},
};

/// Length of a standard id: 32 bytes in base64url without padding.
const STANDARD_LEN: usize = 43;
/// Longest custom id. A cookie's name and value together may have 4096 bytes (RFC 6265bis 5.6).
const CUSTOM_MAX_LEN: usize = 512;

/// The secret by which a client proves that a session is its own: 256 bits, written as 43 characters of base64url.
///
/// If ids [rotate](crate::ManagerBuilder::rotate_every), a second part follows: `~~` and 22 characters.
///
/// Its `Debug` output does not show it, there is no `Display`, and no storage sees it: a storage knows a session by its
/// [`StoreKey`](crate::StoreKey). [`as_str`](Self::as_str) returns it for the client, and for nobody else.
///
/// ```
/// use gsession::SessionId;
///
/// let id = SessionId::from_random([7; 32]);
/// assert_eq!(id.as_str().len(), 43);
/// assert_eq!(SessionId::parse(id.as_str()), Ok(id.clone()));
/// assert_eq!(format!("{id:?}"), "SessionId(…)");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionId(Text);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Text {
    /// Stored inline: a standard id needs no allocation.
    Standard([u8; STANDARD_LEN]),
    Custom(Box<str>),
    /// A standard or custom id, followed by a secret.
    Rotated(Box<str>),
}

/// A text that cannot be a session id. The error does not repeat the text, which may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidId {
    /// Not 43 characters of canonical base64url.
    #[error("not a session id: a standard id is 43 characters of base64url")]
    NotStandard,
    /// Empty, longer than 512 characters, or with a character that is not allowed in a cookie value.
    #[error("not a session id: a custom id is 1 to 512 visible ASCII characters without \" , ; or \\")]
    NotCustom,
    /// The manager's id generator does not accept ids in this format.
    #[error("the manager's id generator rejects this id; configure a generator that accepts it in `parse`")]
    Refused,
}

impl SessionId {
    /// An id from 32 bytes, which must come from a cryptographic generator or a hash over its output (ASVS 7.2.3).
    #[must_use]
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(Text::Standard(base64url::encode(bytes)))
    }

    /// Parses a standard id.
    ///
    /// # Errors
    ///
    /// [`InvalidId::NotStandard`] unless `text` is exactly 43 characters of base64url that encode 32 bytes. The unused
    /// bits of the last character must be zero, so that each id has one spelling.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let bytes: [u8; STANDARD_LEN] = text.as_bytes().try_into().map_err(|_| InvalidId::NotStandard)?;
        // No branch per byte, and whole vectors of 16 bytes, which the compiler can check at once.
        let mut padded = [b'A'; STANDARD_LEN.next_multiple_of(16)];
        padded[..STANDARD_LEN].copy_from_slice(&bytes);
        let is_base64 = padded.iter().fold(true, |all, &byte| all & is_base64url(byte));
        if is_base64 && is_last(bytes[STANDARD_LEN - 1]) {
            Ok(Self(Text::Standard(bytes)))
        } else {
            Err(InvalidId::NotStandard)
        }
    }

    /// An id in the application's own format, for example one that another system issued. Also reads an id that has rotated.
    ///
    /// Its strength is up to you: ASVS 7.2.3 asks for at least 128 bits from a cryptographic generator.
    ///
    /// ```
    /// use gsession::SessionId;
    /// assert!(SessionId::custom("terminal-17-8f3a9c").is_ok());
    /// assert!(SessionId::custom("no spaces; no semicolons").is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidId::NotCustom`] if `text` is empty, is longer than 512 characters, or has a character that is not a
    /// cookie-octet (RFC 6265 4.1.1).
    pub fn custom(text: &str) -> Result<Self, InvalidId> {
        if let (base, Some(secret)) = rotating::split(text) {
            let id = Self::custom(base)?;
            return if id.has_rotated() { Err(InvalidId::NotCustom) } else { Ok(id.with_secret(secret)) };
        }
        if let Ok(standard) = Self::parse(text) {
            return Ok(standard);
        }
        let octets_fit =
            text.bytes().all(|byte| matches!(byte, 0x21..=0x7e) && !matches!(byte, b'"' | b',' | b';' | b'\\'));
        if text.is_empty() || text.len() > CUSTOM_MAX_LEN || !octets_fit {
            return Err(InvalidId::NotCustom);
        }
        Ok(Self(Text::Custom(text.into())))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Standard(bytes) => bytes,
            Text::Custom(text) | Text::Rotated(text) => text.as_bytes(),
        }
    }

    /// The part by which the session is found. It stays when the id rotates.
    pub(crate) fn base(&self) -> &[u8] {
        match &self.0 {
            Text::Rotated(text) => {
                text.as_bytes().split_last_chunk::<SUFFIX_LEN>().map_or(text.as_bytes(), |(base, _)| base)
            }
            Text::Standard(_) | Text::Custom(_) => self.as_bytes(),
        }
    }

    pub(crate) const fn has_rotated(&self) -> bool {
        matches!(self.0, Text::Rotated(_))
    }

    /// The part that rotates, if the id has rotated.
    pub(crate) fn secret(&self) -> Option<Secret> {
        match &self.0 {
            Text::Rotated(text) => rotating::split(text).1,
            Text::Standard(_) | Text::Custom(_) => None,
        }
    }

    /// The id of the same session with this secret.
    pub(crate) fn with_secret(&self, secret: Secret) -> Self {
        let base = std::str::from_utf8(self.base()).unwrap_or_default();
        Self(Text::Rotated(rotating::join(base, secret).into()))
    }

    /// The text to send to the client. Treat it like a password: never log it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // The bytes are always ASCII, so the fallback is never used.
            Text::Standard(bytes) => std::str::from_utf8(bytes).unwrap_or_default(),
            Text::Custom(text) | Text::Rotated(text) => text,
        }
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(…)")
    }
}

/// Whether a standard id can end with this: the last four bits of 32 bytes, and two zeros.
#[rustfmt::skip]
const fn is_last(byte: u8) -> bool {
    matches!(byte, b'A' | b'E' | b'I' | b'M' | b'Q' | b'U' | b'Y' | b'c' | b'g' | b'k' | b'o' | b's' | b'w' | b'0' | b'4' | b'8')
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_as_base64url() {
        // RFC 4648 alphabet, checked against `printf … | base64url` by hand.
        assert_eq!(SessionId::from_random([0; 32]).as_str(), "A".repeat(43));
        assert_eq!(SessionId::from_random([0xff; 32]).as_str(), format!("{}8", "_".repeat(42)));
        let counting = std::array::from_fn(|i| i as u8);
        assert_eq!(SessionId::from_random(counting).as_str(), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
    }

    #[test]
    fn one_session_has_one_spelling() {
        let canonical = "A".repeat(43);
        assert!(SessionId::parse(&canonical).is_ok());
        for last in ["B", "C", "D", "="] {
            assert_eq!(SessionId::parse(&format!("{}{last}", "A".repeat(42))), Err(InvalidId::NotStandard));
        }
    }

    #[test]
    fn malformed_texts_are_refused() {
        for text in [
            "",
            "A",
            &"A".repeat(42),
            &"A".repeat(44),
            &format!("{}é", "A".repeat(41)),
            &format!("{}/", "A".repeat(42)),
        ] {
            assert_eq!(SessionId::parse(text), Err(InvalidId::NotStandard), "{text}");
        }
        for text in ["", " ", "a b", "a;b", "a\"b", "a\\b", "ä", "a\r\nb", &"x".repeat(513)] {
            assert_eq!(SessionId::custom(text), Err(InvalidId::NotCustom), "{text:?}");
        }
    }

    #[test]
    fn a_custom_id_in_standard_form_is_the_standard_id() {
        let text = SessionId::from_random([9; 32]);
        assert_eq!(SessionId::custom(text.as_str()), SessionId::parse(text.as_str()));
    }
}
