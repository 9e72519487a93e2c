//! What an application says at a login.

use std::{fmt, net::IpAddr, num::NonZeroUsize, time::Duration};

use crate::{Timestamp, record::Lifespan};

/// A login: whose session it becomes, and what the user sees of it in the list of their devices.
///
/// ```
/// use gsession::Login;
///
/// let login = Login::new("ada").label("Firefox on Linux").address("192.0.2.7".parse()?);
/// # let _ = login;
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
///
/// A text is a login without anything else: `session.log_in("ada")`.
#[derive(Clone, PartialEq, Eq)]
#[must_use = "pass it to `log_in`"]
pub struct Login {
    pub(super) principal: Box<str>,
    pub(super) label: Option<Box<str>>,
    pub(super) address: Option<IpAddr>,
    remember_for: Option<Duration>,
    idle_timeout: Option<Duration>,
    pub(super) tag: Option<Box<str>>,
}

impl Login {
    /// The most bytes in a label.
    pub const MAX_LABEL_BYTES: usize = 256;
    /// The most bytes in a tag.
    pub const MAX_TAG_BYTES: usize = 256;

    /// A login of this principal: the user's permanent identifier, such as a primary key. Not a name that may be given to
    /// somebody else later, and never one that several people share, such as "guest".
    pub fn new(principal: impl Into<Box<str>>) -> Self {
        let principal = principal.into();
        Self { principal, label: None, address: None, remember_for: None, idle_timeout: None, tag: None }
    }

    /// What the user recognises the device by, such as "Firefox on Linux". Default: none. At most
    /// [`MAX_LABEL_BYTES`](Self::MAX_LABEL_BYTES), without control characters. The feature `user-agent` makes one of a
    /// `User-Agent` header: `Login::user_agent`.
    pub fn label(mut self, label: impl Into<Box<str>>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// From where the user logs in. Default: it is not kept. It is personal data, so keep it only if you show it to the user or
    /// need it.
    pub const fn address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Remembers the user on this device ([S17](crate::design#s17)): the session lasts for `duration` from this login, and the client
    /// keeps the id after it is closed. Default: not remembered.
    ///
    /// - The lifetimes of the [manager](crate::ManagerBuilder), shorter or longer, do not apply to the session. Renewals keep its
    ///   own, and so does [`confirm_login`](crate::AsyncSession::confirm_login). The next [`log_in`](crate::AsyncSession::log_in)
    ///   sets them anew, and without `remember_for` it makes the session an ordinary one.
    /// - A cookie becomes a persistent one, even if by default it ends with the browser. Its `Max-Age` is what is left if the
    ///   session is not used again: the [`idle_timeout`](Self::idle_timeout), if that is shorter. Browsers keep a cookie for at most 400 days
    ///   (RFC 6265bis 5.5). It is sent again when activity is stored. A header never expires in the client, so there only the
    ///   lifetime matters.
    /// - Durations beyond the calendar never end. Less than a millisecond is refused.
    ///
    /// Let the user choose, since other people may use the device too. A stolen id works for just as long, so require a
    /// [recent login](crate::AsyncSession::require_recent) for what is sensitive (ASVS 7.5.3), and document the lifetime that you
    /// choose (ASVS 7.1.1, 7.3.2).
    ///
    /// ```
    /// use std::time::Duration;
    /// use gsession::Login;
    ///
    /// const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    /// let login = Login::new("ada").remember_for(30 * DAY).idle_timeout(7 * DAY);
    /// # let _ = login;
    /// ```
    pub const fn remember_for(mut self, duration: Duration) -> Self {
        self.remember_for = Some(duration);
        self
    }

    /// Ends the [remembered](Self::remember_for) session after this long without use (ASVS 7.3.1). Default: the duration of
    /// `remember_for`. No effect without it. Less than a millisecond is refused.
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// How long the session lives after this login, which was at `now`.
    pub(super) fn lifespan(&self, now: Timestamp) -> Lifespan {
        self.remember_for.map_or(Lifespan::Managers, |duration| Lifespan::Own {
            idle_timeout: self.idle_timeout.unwrap_or(duration),
            until: now + duration,
        })
    }

    /// What the application finds the session by, besides the principal: see
    /// [`destroy_all_tagged`](crate::AsyncManager::destroy_all_tagged). Default: none. It stays until the session ends, somebody
    /// logs in again, or the principal is set otherwise. Each touch of a session with a tag reads the storage once more. Not empty, at most [`MAX_TAG_BYTES`](Self::MAX_TAG_BYTES), without control characters.
    ///
    /// An example is the `sid` of OpenID Connect, by which the provider asks to end a session (Back-Channel Logout 1.0). If there are
    /// several providers, put the issuer before it, and before a `sub` that you use as the principal.
    ///
    /// A tag is for few principals, because each look-up reads all sessions of each of them: 100 at most. It is not for all users of a
    /// customer.
    pub fn tag(mut self, tag: impl Into<Box<str>>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    pub(super) fn check(&self) -> Result<(), LoginError> {
        const SHORTEST: Duration = Duration::from_millis(1);
        if self.remember_for.is_some_and(|duration| duration < SHORTEST) {
            return Err(LoginError::RememberedTooShort);
        }
        if self.idle_timeout.is_some_and(|timeout| timeout < SHORTEST) {
            return Err(LoginError::IdleTimeoutTooShort);
        }
        if self.principal.is_empty() {
            return Err(LoginError::EmptyPrincipal);
        }
        self.tag.as_deref().map_or(Ok(()), check_tag)?;
        self.label.as_deref().map_or(Ok(()), check_label)
    }
}

impl From<&str> for Login {
    fn from(principal: &str) -> Self {
        Self::new(principal)
    }
}

impl From<String> for Login {
    fn from(principal: String) -> Self {
        Self::new(principal)
    }
}

impl fmt::Debug for Login {
    /// Without who logs in from where.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// Why a login, or a label, was refused. The session is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// The principal is empty. It would be shared by everybody whose identifier is missing.
    #[error("a principal must not be empty")]
    EmptyPrincipal,
    /// The label is too long.
    #[error("a label may have at most {limit} bytes; this one has {actual}")]
    LabelTooLong {
        /// The limit.
        limit: usize,
        /// The length of the label.
        actual: usize,
    },
    /// The label has a control character, a line break, or a character that changes the direction of the text: such a label could
    /// pass for another one in a list.
    #[error("a label must not contain control characters")]
    LabelWithControlCharacters,
    /// The user would be [remembered](Login::remember_for) for less than a millisecond.
    #[error("a user cannot be remembered for less than a millisecond")]
    RememberedTooShort,
    /// The [idle timeout](Login::idle_timeout) is shorter than a millisecond.
    #[error("the idle timeout of a remembered session must be at least a millisecond")]
    IdleTimeoutTooShort,
    /// The tag is empty. It would be shared by all logins that lack one.
    #[error("a tag must not be empty")]
    EmptyTag,
    /// The tag is too long.
    #[error("a tag may have at most {limit} bytes; this one has {actual}")]
    TagTooLong {
        /// The limit.
        limit: usize,
        /// The length of the tag.
        actual: usize,
    },
    /// The tag has a control character.
    #[error("a tag must not contain control characters")]
    TagWithControlCharacters,
    /// The tag already belongs to as many users as it may.
    #[error("{limit} users have logged in with this tag, which is the limit")]
    TooManyUsersOfTag {
        /// The limit.
        limit: usize,
    },
    /// The user has as many sessions as one may have, and the limit is [`AtLimit::Refuse`].
    #[error("the user is already logged in {limit} times, which is the limit")]
    TooManySessions {
        /// The limit.
        limit: NonZeroUsize,
    },
}

/// What happens to a login of a user who has as many sessions as one may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AtLimit {
    /// The login succeeds, and the session with the oldest login ends.
    EndOldest,
    /// The login is refused: [`LoginError::TooManySessions`].
    Refuse,
}

/// Checks a label.
pub(super) fn check_label(label: &str) -> Result<(), LoginError> {
    if label.len() > Login::MAX_LABEL_BYTES {
        return Err(LoginError::LabelTooLong { limit: Login::MAX_LABEL_BYTES, actual: label.len() });
    }
    if label.chars().any(misleads) { Err(LoginError::LabelWithControlCharacters) } else { Ok(()) }
}

fn check_tag(tag: &str) -> Result<(), LoginError> {
    if tag.is_empty() {
        return Err(LoginError::EmptyTag);
    }
    if tag.len() > Login::MAX_TAG_BYTES {
        return Err(LoginError::TagTooLong { limit: Login::MAX_TAG_BYTES, actual: tag.len() });
    }
    if tag.chars().any(char::is_control) { Err(LoginError::TagWithControlCharacters) } else { Ok(()) }
}

/// Control characters, separators of lines and paragraphs, and marks that change the direction of the text (Unicode Standard Annex
/// #9).
fn misleads(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_mislead_the_reader_of_a_list_is_refused() {
        let longest = "x".repeat(256);
        for good in ["", "Firefox on Linux", "Mamas Küchen-iPad 📱", "دستگاه من", &longest] {
            assert_eq!(Login::new("ada").label(good).check(), Ok(()), "{good}");
        }
        for bad in ["a\nb", "a\0", "\u{7f}", "\u{85}", "\u{202e}xuniL", "a\u{2028}b", "\u{2066}a"] {
            assert_eq!(Login::new("ada").label(bad).check(), Err(LoginError::LabelWithControlCharacters), "{bad:?}");
        }
        let long = "ü".repeat(129);
        let error = LoginError::LabelTooLong { limit: 256, actual: 258 };
        assert_eq!(Login::new("ada").label(long).check(), Err(error));
        assert_eq!(Login::new("").check(), Err(LoginError::EmptyPrincipal));
    }

    #[test]
    fn durations_below_a_millisecond_are_refused() {
        let (nothing, short, shortest) = (Duration::ZERO, Duration::from_nanos(999_999), Duration::from_millis(1));
        for bad in [nothing, short] {
            assert_eq!(Login::new("ada").remember_for(bad).check(), Err(LoginError::RememberedTooShort));
            let login = Login::new("ada").remember_for(shortest).idle_timeout(bad);
            assert_eq!(login.check(), Err(LoginError::IdleTimeoutTooShort));
            // A mistake, even where it has no effect.
            assert_eq!(Login::new("ada").idle_timeout(bad).check(), Err(LoginError::IdleTimeoutTooShort));
        }
        for good in [shortest, Duration::MAX] {
            assert_eq!(Login::new("ada").remember_for(good).idle_timeout(good).check(), Ok(()));
        }
    }

    #[test]
    fn a_tag_is_any_short_text() {
        let longest = "ü".repeat(128);
        for good in ["x", "https://id.example.com 08a5019c-17e1-4977", &longest] {
            assert_eq!(Login::new("ada").tag(good).check(), Ok(()), "{good}");
        }
        assert_eq!(Login::new("ada").tag("").check(), Err(LoginError::EmptyTag));
        for bad in ["a\nb", "\0", "\u{7f}", "\u{85}"] {
            assert_eq!(Login::new("ada").tag(bad).check(), Err(LoginError::TagWithControlCharacters), "{bad:?}");
        }
        let error = LoginError::TagTooLong { limit: 256, actual: 257 };
        assert_eq!(Login::new("ada").tag("x".repeat(257)).check(), Err(error));
    }

    #[test]
    fn debug_does_not_show_who_logs_in() {
        let shown = format!("{:?}", Login::new("ada").label("Firefox").tag("t").address("192.0.2.7".parse().unwrap()));
        assert!(!shown.contains("ada") && !shown.contains("192") && !shown.contains("Firefox"), "{shown}");
    }
}
