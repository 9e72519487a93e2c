//! Ids that a GoFrame service accepts beside its own.

use rand::{TryRng, rngs::SysRng};

use super::{ClientInfo, IdError, IdGenerator, InvalidId, SessionId};

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Makes ids of the form that GoFrame's have, 32 characters of `0-9a-z`, and accepts any of up to 32 characters: for a
/// storage that is shared with a GoFrame service ([`KeyScheme::RawIds`](crate::KeyScheme::RawIds)).
///
/// Every character is random (165 bits from the operating system), not three of them as in GoFrame's. Ids that a GoFrame
/// service has issued stay as weak as they are until the session is renewed.
///
/// ```
/// use gsession::{ClientInfo, GoFrameIds, IdGenerator};
///
/// let id = GoFrameIds.generate(&ClientInfo::default())?;
/// assert_eq!(id.as_str().len(), 32);
/// assert_eq!(GoFrameIds.parse(id.as_str()), Ok(id));
/// # Ok::<(), gsession::IdError>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct GoFrameIds;

impl IdGenerator for GoFrameIds {
    fn generate(&self, _client: &ClientInfo) -> Result<SessionId, IdError> {
        let mut text = String::with_capacity(32);
        let mut random = [0_u8; 48];
        while text.len() < 32 {
            SysRng
                .try_fill_bytes(&mut random)
                .map_err(|error| IdError::new("the operating system's random generator failed").with_source(error))?;
            // From 252 on, the first digits would be likelier than the others.
            for &byte in random.iter().filter(|&&byte| byte < 252).take(32 - text.len()) {
                text.push(char::from(DIGITS[usize::from(byte % 36)]));
            }
        }
        SessionId::custom(&text).map_err(|error| IdError::new("an id has the wrong form").with_source(error))
    }

    fn parse(&self, text: &str) -> Result<SessionId, InvalidId> {
        if text.len() <= 32 { SessionId::custom(text) } else { Err(InvalidId::Refused) }
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
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|byte| DIGITS.contains(&byte))));
        let seen: HashSet<u8> = ids.iter().flat_map(|id| id.bytes()).collect();
        assert_eq!(seen.len(), 36);
    }

    #[test]
    fn other_ids_are_accepted_if_they_are_short_enough() {
        assert!(GoFrameIds.parse("custom_session_id").is_ok());
        assert!(GoFrameIds.parse(&"a".repeat(32)).is_ok());
        for text in ["", "two words", &"a".repeat(33)] {
            assert!(GoFrameIds.parse(text).is_err(), "{text}");
        }
    }
}
