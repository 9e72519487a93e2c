//! Ids that a GoFrame service accepts next to its own.

use rand::{TryRng, rngs::SysRng};

use super::{ClientInfo, IdError, IdGenerator, InvalidId, SessionId};

/// Length of an id in characters.
const LEN: usize = 32;
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Generates and accepts ids in GoFrame's format, 32 characters of `0-9a-z`: for a storage shared with a GoFrame
/// service ([`KeyScheme::RawIds`](crate::KeyScheme::RawIds)).
///
/// In such a storage the id is part of the key. So whatever this accepts, a client can choose as a key.
///
/// All characters are random (165 bits from the operating system), not just three of them as in GoFrame. Ids issued by
/// a GoFrame service stay weak until the session is renewed.
///
/// ```
/// use gsession::{ClientInfo, GoFrameIds, IdGenerator};
///
/// let id = GoFrameIds.generate(&ClientInfo::default())?;
/// assert_eq!(id.as_str().len(), 32);
/// assert_eq!(GoFrameIds.parse(id.as_str()), Ok(id));
/// # Ok::<(), gsession::IdError>(())
/// ```
///
/// If your GoFrame service generates ids in another format (`SetIdFunc`), define which texts are valid:
///
/// ```
/// use gsession::{CustomIds, GoFrameIds, IdGenerator, SessionId};
///
/// let is_ours = |text: &str| text.strip_prefix("shop-").is_some_and(|rest| rest.len() == 24);
/// let ids = CustomIds::new(|client| GoFrameIds.generate(client), move |text| {
///     is_ours(text) || GoFrameIds.parse(text).is_ok()
/// });
/// assert!(ids.parse("shop-0123456789abcdefghijklmn").is_ok());
/// assert!(ids.parse("config").is_err());
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct GoFrameIds;

impl IdGenerator for GoFrameIds {
    fn generate(&self, _client: &ClientInfo) -> Result<SessionId, IdError> {
        let mut text = String::with_capacity(LEN);
        let mut random = [0_u8; 48];
        while text.len() < LEN {
            SysRng
                .try_fill_bytes(&mut random)
                .map_err(|error| IdError::new("the operating system's random generator failed").with_source(error))?;
            // Bytes from 252 on would make the first digits more likely than the others.
            for &byte in random.iter().filter(|&&byte| byte < 252).take(LEN - text.len()) {
                text.push(char::from(DIGITS[usize::from(byte % 36)]));
            }
        }
        SessionId::custom(&text).map_err(|error| IdError::new("an id has the wrong format").with_source(error))
    }

    fn parse(&self, text: &str) -> Result<SessionId, InvalidId> {
        let is_ours = text.len() == LEN && text.bytes().all(|byte| DIGITS.contains(&byte));
        if is_ours { SessionId::custom(text) } else { Err(InvalidId::Refused) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_of_the_form_and_all_digits_occur() {
        let ids: HashSet<String> =
            (0..200).map(|_| GoFrameIds.generate(&ClientInfo::default()).unwrap().as_str().to_owned()).collect();
        assert_eq!(ids.len(), 200);
        assert!(ids.iter().all(|id| id.len() == LEN && id.bytes().all(|byte| DIGITS.contains(&byte))));
        let seen: HashSet<u8> = ids.iter().flat_map(|id| id.bytes()).collect();
        assert_eq!(seen.len(), 36);
    }

    #[test]
    fn only_ids_of_the_form_are_accepted() {
        assert!(GoFrameIds.parse(&"a".repeat(32)).is_ok());
        let odd = ["", "config", &"a".repeat(31), &"a".repeat(33), &"A".repeat(32), &":".repeat(32), &"é".repeat(16)];
        for text in odd {
            assert!(GoFrameIds.parse(text).is_err(), "{text}");
        }
    }
}
