//! The cookie's attributes, checked once, and the `Set-Cookie` lines built from them.

use std::{fmt::Write as _, time::Duration};

use super::name::{self, Scope};
use crate::{SessionId, Timestamp, http::ConfigError};

/// Browsers cap a cookie's lifetime at 400 days (RFC 6265bis 5.5).
const LONGEST: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// Which requests from other sites carry the cookie (RFC 6265bis 4.1.2.7, ASVS 3.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SameSite {
    /// None.
    Strict,
    /// Only when the user follows a link. The default.
    #[default]
    Lax,
    /// All of them. Needs `Secure` (RFC 6265bis 5.7).
    ///
    /// You need it if your pages are embedded in an iframe on another site: neither `Lax` nor `Strict` cookies are sent
    /// there. Browsers that block third-party cookies block this one too, unless it is
    /// [`Partitioned`](crate::http::Builder::cookie_partitioned).
    ///
    /// Other sites can then send requests with your user's session, so check where requests come from (`Origin`, or a
    /// token in each form).
    None,
}

/// How long the browser keeps the cookie (`Max-Age`, RFC 6265bis 4.1.2.2). The server enforces the session's own
/// lifetime regardless.
///
/// For a session whose user asked to be [remembered](crate::Login::remember_for) it is always [`Lifetime`](Self::Lifetime).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum CookieMaxAge {
    /// Until the browser is closed: no `Max-Age`. The default, and what OWASP recommends.
    #[default]
    BrowserSession,
    /// As long as the session: `Max-Age` follows the session's deadline, and is sent again whenever that moves.
    Lifetime,
    /// This long after it was last sent. It is sent again whenever the session's deadline moves. Less than a second
    /// counts as one second.
    Fixed(Duration),
}

impl From<Duration> for CookieMaxAge {
    /// Zero means until the browser is closed, as in GoFrame. Fractions of a second are rounded up. More than 400 days
    /// count as 400 days, the most that browsers allow (RFC 6265bis 5.5).
    fn from(age: Duration) -> Self {
        if age.is_zero() { Self::BrowserSession } else { Self::Fixed(age) }
    }
}

/// The settings, before they are checked.
#[derive(Debug, Clone)]
pub(in crate::http) struct CookieAttributes {
    pub(in crate::http) name: Option<String>,
    pub(in crate::http) secure: bool,
    pub(in crate::http) partitioned: bool,
    pub(in crate::http) same_site: SameSite,
    pub(in crate::http) domain: Option<String>,
    pub(in crate::http) path: String,
    pub(in crate::http) max_age: CookieMaxAge,
}

impl Default for CookieAttributes {
    fn default() -> Self {
        Self {
            name: None,
            secure: true,
            partitioned: false,
            same_site: SameSite::Lax,
            domain: None,
            path: "/".to_owned(),
            max_age: CookieMaxAge::BrowserSession,
        }
    }
}

impl CookieAttributes {
    /// The name: as set, or the strongest default that the other attributes allow.
    pub(in crate::http) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| name::default(self.scope()))
    }

    fn scope(&self) -> Scope {
        Scope { is_secure: self.secure, is_host_wide: self.domain.is_none() && self.path == "/" }
    }

    /// Checks that browsers will accept the cookie.
    pub(in crate::http) fn check(self) -> Result<SessionCookie, ConfigError> {
        name::check(self.name(), self.scope())?;
        if self.same_site == SameSite::None && !self.secure {
            return Err(ConfigError::SameSiteNoneNeedsSecure);
        }
        if self.partitioned && !self.secure {
            return Err(ConfigError::PartitionedNeedsSecure);
        }
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        if let Some(domain) = &self.domain
            && (domain.trim_matches('.').is_empty() || domain.len() > 253 || !domain.bytes().all(is_host))
        {
            return Err(ConfigError::CookieDomain(domain.clone()));
        }
        let fits_path = self.path.bytes().all(|byte| matches!(byte, 0x20..=0x7e) && byte != b';');
        if !self.path.starts_with('/') || self.path.len() > 1024 || !fits_path {
            return Err(ConfigError::CookiePath(self.path));
        }
        Ok(self.into_cookie())
    }

    /// The cookie with these attributes, which are known to be valid.
    pub(in crate::http) fn into_cookie(self) -> SessionCookie {
        let mut attributes = format!("; Path={}", self.path);
        if let Some(domain) = &self.domain {
            attributes.push_str("; Domain=");
            attributes.push_str(domain);
        }
        if self.secure {
            attributes.push_str("; Secure");
        }
        attributes.push_str("; HttpOnly; SameSite=");
        attributes.push_str(match self.same_site {
            SameSite::Strict => "Strict",
            SameSite::Lax => "Lax",
            SameSite::None => "None",
        });
        if self.partitioned {
            attributes.push_str("; Partitioned");
        }
        SessionCookie { name: self.name().to_owned(), attributes, max_age: self.max_age }
    }
}

/// A cookie whose settings were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) struct SessionCookie {
    pub(in crate::http) name: String,
    /// Everything after the value except `Max-Age`: the part that setting and removing share ([H3](crate::design#h3)).
    attributes: String,
    max_age: CookieMaxAge,
}

impl Default for SessionCookie {
    /// The cookie with the default attributes, which pass every check.
    fn default() -> Self {
        CookieAttributes::default().into_cookie()
    }
}

impl SessionCookie {
    /// Whether the browser has an expiry of its own, which must follow the session's, even if the session is not remembered.
    pub(in crate::http) const fn is_persistent(&self) -> bool {
        !matches!(self.max_age, CookieMaxAge::BrowserSession)
    }

    /// Whether a browser takes a cookie with these for the same one (RFC 6265bis 5.7).
    #[cfg(feature = "import")]
    pub(in crate::http) fn is_at(&self, name: &str, path: &str, domain: Option<&str>) -> bool {
        let Some(rest) = self.attributes.strip_prefix(&*format!("; Path={path}; ")) else { return false };
        let own = rest.strip_prefix("Domain=").and_then(|rest| rest.split_once(';')).map(|(domain, _)| domain);
        // Browsers drop the dot, and know no case.
        let normalised = |domain: &str| domain.trim_start_matches('.').to_ascii_lowercase();
        self.name == name && own.map(normalised) == domain.map(normalised)
    }

    /// The `Set-Cookie` line that gives the client its id. `Max-Age` follows the deadline of a remembered session, whatever the
    /// settings are. `now` is called only if `Max-Age` follows the session's deadline.
    pub(in crate::http) fn set(
        &self,
        id: &SessionId,
        expires_at: Timestamp,
        is_remembered: bool,
        now: impl FnOnce() -> Timestamp,
    ) -> String {
        let max_age = if is_remembered { CookieMaxAge::Lifetime } else { self.max_age };
        let age = match max_age {
            CookieMaxAge::BrowserSession => None,
            CookieMaxAge::Lifetime => Some(expires_at.since(now())),
            CookieMaxAge::Fixed(age) => Some(age),
        };
        let mut line = String::with_capacity(self.name.len() + 64 + self.attributes.len());
        line.push_str(&self.name);
        line.push('=');
        line.push_str(id.as_str());
        line.push_str(&self.attributes);
        if let Some(age) = age {
            let age = age.min(LONGEST);
            let seconds = age.as_secs() + u64::from(age.subsec_nanos() > 0);
            // Writing to a String cannot fail. A session about to end still gets a second, as 0 would mean "remove".
            let _ = write!(line, "; Max-Age={}", seconds.max(1));
        }
        line
    }

    /// The `Set-Cookie` line that makes the client forget its id.
    pub(in crate::http) fn remove(&self) -> String {
        let Self { name, attributes, .. } = self;
        format!("{name}={attributes}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes() -> CookieAttributes {
        CookieAttributes::default()
    }

    fn line(attributes: CookieAttributes, lives: Duration) -> String {
        let now = Timestamp::from_millis(1_000_000);
        let id = SessionId::from_random([0; 32]);
        attributes.check().unwrap().set(&id, now + lives, false, || now).replace(&"A".repeat(43), "ID")
    }

    #[test]
    fn the_default_is_the_strictest_that_works() {
        assert_eq!(
            line(attributes(), Duration::MAX),
            "__Host-Http-gsession=ID; Path=/; Secure; HttpOnly; SameSite=Lax"
        );
        assert_eq!(attributes().check(), Ok(SessionCookie::default()), "it passes the checks");
    }

    #[test]
    fn removal_repeats_the_attributes() {
        let with = CookieAttributes {
            name: Some("sid".into()),
            domain: Some("example.org".into()),
            path: "/admin".into(),
            same_site: SameSite::Strict,
            ..attributes()
        };
        assert_eq!(
            line(with.clone(), Duration::MAX),
            "sid=ID; Path=/admin; Domain=example.org; Secure; HttpOnly; SameSite=Strict"
        );
        assert_eq!(
            with.check().unwrap().remove(),
            "sid=; Path=/admin; Domain=example.org; Secure; HttpOnly; SameSite=Strict; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
        );
    }

    #[test]
    fn odd_durations_are_safe() {
        let day = Duration::from_secs(86_400);
        for (max_age, lives, expected) in [
            (Duration::ZERO.into(), day, ""),
            (Duration::from_nanos(1).into(), day, "; Max-Age=1"),
            (Duration::from_millis(1_500).into(), day, "; Max-Age=2"),
            (Duration::MAX.into(), day, "; Max-Age=34560000"),
            (CookieMaxAge::Lifetime, day, "; Max-Age=86400"),
            (CookieMaxAge::Lifetime, Duration::MAX, "; Max-Age=34560000"),
            (CookieMaxAge::Lifetime, Duration::ZERO, "; Max-Age=1"),
        ] {
            let line = line(CookieAttributes { max_age, ..attributes() }, lives);
            assert_eq!(line, format!("__Host-Http-gsession=ID; Path=/; Secure; HttpOnly; SameSite=Lax{expected}"));
        }
    }

    #[test]
    fn the_cookie_of_a_remembered_session_lives_as_long_as_the_session() {
        let (now, id, day) =
            (Timestamp::from_millis(1_000_000), SessionId::from_random([0; 32]), Duration::from_secs(86_400));
        for max_age in [CookieMaxAge::BrowserSession, CookieMaxAge::Lifetime, CookieMaxAge::Fixed(day)] {
            let cookie = CookieAttributes { max_age, ..attributes() }.check().unwrap();
            for (lives, seconds) in [(30 * day, 2_592_000), (Duration::MAX, 34_560_000), (Duration::ZERO, 1)] {
                let line = cookie.set(&id, now + lives, true, || now);
                assert!(line.ends_with(&format!("; SameSite=Lax; Max-Age={seconds}")), "{max_age:?}: {line}");
            }
        }
    }

    #[test]
    fn contradictory_settings_are_refused() {
        let named = |name: &str| CookieAttributes { name: Some(name.into()), ..attributes() };
        let refused = |attributes: CookieAttributes| attributes.check().unwrap_err();
        assert_eq!(
            refused(CookieAttributes { secure: false, ..named("__Host-x") }),
            ConfigError::PrefixNeedsSecure("__Host-x".into())
        );
        assert_eq!(
            refused(CookieAttributes { path: "/a".into(), ..named("__Host-x") }),
            ConfigError::HostPrefix("__Host-x".into())
        );
        assert_eq!(
            refused(CookieAttributes { secure: false, same_site: SameSite::None, ..attributes() }),
            ConfigError::SameSiteNoneNeedsSecure
        );
        assert_eq!(
            refused(CookieAttributes { secure: false, partitioned: true, ..attributes() }),
            ConfigError::PartitionedNeedsSecure
        );
        for name in ["", "a b", "a;b", "a=b", "ä", "a\r\nb", &"x".repeat(257)] {
            assert_eq!(refused(named(name)), ConfigError::CookieName(name.into()));
        }
        for domain in ["", ".", "a b", "a;b", "a/b"] {
            assert_eq!(
                refused(CookieAttributes { domain: Some(domain.into()), ..attributes() }),
                ConfigError::CookieDomain(domain.into())
            );
        }
        for path in ["", "a", "/;x", "/\n"] {
            assert_eq!(
                refused(CookieAttributes { path: path.into(), ..attributes() }),
                ConfigError::CookiePath(path.into())
            );
        }
    }

    #[test]
    fn a_partitioned_cookie_is_removed_as_one() {
        let with = CookieAttributes { partitioned: true, same_site: SameSite::None, ..attributes() };
        let expected = "; Path=/; Secure; HttpOnly; SameSite=None; Partitioned";
        assert_eq!(line(with.clone(), Duration::MAX), format!("__Host-Http-gsession=ID{expected}"));
        // Without the attribute, the browser would look for the cookie outside the partition and leave it in place.
        assert_eq!(
            with.check().unwrap().remove(),
            format!("__Host-Http-gsession={expected}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
        );
    }

    #[test]
    fn the_default_name_follows_the_other_settings() {
        let strict = CookieAttributes::default();
        assert_eq!(strict.name(), "__Host-Http-gsession");
        assert_eq!(CookieAttributes { partitioned: true, ..strict.clone() }.name(), "__Host-Http-gsession");
        for looser in [
            CookieAttributes { secure: false, ..strict.clone() },
            CookieAttributes { path: "/app".into(), ..strict.clone() },
            CookieAttributes { domain: Some("a.b".into()), ..strict.clone() },
        ] {
            assert_eq!(looser.name(), "gsession");
            assert_eq!(name::check(looser.name(), looser.scope()), Ok(()));
        }
        let named = CookieAttributes { name: Some("sid".into()), ..strict };
        assert_eq!(named.name(), "sid");
    }

    #[test]
    fn every_prefix_needs_secure_in_any_case() {
        let plain = CookieAttributes { secure: false, ..CookieAttributes::default() };
        for name in [
            "__Secure-x",
            "__secure-x",
            "__Host-x",
            "__HOST-x",
            "__Http-x",
            "__http-x",
            "__HTTP-x",
            "__Host-Http-x",
            "__host-http-x",
            "__hOsT-hTtP-",
        ] {
            assert_eq!(name::check(name, plain.scope()), Err(ConfigError::PrefixNeedsSecure(name.into())));
            assert_eq!(name::check(name, CookieAttributes::default().scope()), Ok(()), "{name}");
        }
        for name in ["_Http-x", "__Httpx", "__HttpOnly-x", "x__Http-x", "__Host", "__Http", "-", "Http-x"] {
            assert_eq!(name::check(name, plain.scope()), Ok(()), "{name} has no prefix");
        }
    }

    #[test]
    fn a_host_prefix_needs_the_whole_host() {
        let strict = CookieAttributes::default();
        for looser in [
            CookieAttributes { domain: Some("a.b".into()), ..strict.clone() },
            CookieAttributes { path: "/a".into(), ..strict },
        ] {
            for name in ["__Host-x", "__HOST-x", "__Host-Http-x", "__host-HTTP-x"] {
                assert_eq!(name::check(name, looser.scope()), Err(ConfigError::HostPrefix(name.into())));
            }
            for name in ["__Http-x", "__http-x", "__Secure-x", "x"] {
                assert_eq!(name::check(name, looser.scope()), Ok(()), "{name} may have a domain and a path");
            }
        }
    }
}
