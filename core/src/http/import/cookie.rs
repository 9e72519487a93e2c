//! The cookie of another library: its name, its protection, and where it is removed.

use std::fmt;

use cookie::{Cookie, CookieJar, Key};

use crate::http::{
    ConfigError, SameSite,
    cookie::{CookieAttributes, SessionCookie},
};

/// How another library's cookie is named and protected.
///
/// Name, path and domain are those that the other library was given; with another path or domain, browsers would not remove the cookie.
/// `Debug` does not show the key.
///
/// ```
/// use gsession::http::import::PeerCookie;
///
/// let cookie = PeerCookie::tower_sessions().name("sid").path("/app");
/// # let _ = cookie;
/// ```
#[derive(Clone)]
#[must_use]
pub struct PeerCookie {
    attributes: CookieAttributes,
    protection: Protection,
}

#[derive(Clone)]
enum Protection {
    Plain,
    Signed(Key),
    Private(Key),
    /// The key is too short.
    Broken,
}

/// How well a cookie is protected against clients that write their own. More is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PeerProtection {
    /// Not at all: a client can present any text.
    None,
    /// Signed: a client can present only what the other library has issued. Two cookies of the same text are the same.
    Signed,
    /// Encrypted: the same, and no two cookies are the same.
    Encrypted,
}

impl PeerProtection {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "plain",
            Self::Signed => "signed",
            Self::Encrypted => "encrypted",
        }
    }
}

/// What a cookie says, once its signature or its encryption was checked. `Debug` shows nothing.
#[derive(Clone)]
pub struct PeerValue {
    sealed: String,
    text: String,
}

impl PeerCookie {
    /// A cookie of this name, without a signature or encryption.
    pub fn new(name: impl Into<String>) -> Self {
        let attributes = CookieAttributes { name: Some(name.into()), ..CookieAttributes::default() };
        Self { attributes, protection: Protection::Plain }
    }

    /// actix-session's cookie: `id`, encrypted with this key (`CookieContentSecurity::Private`, its default), which is what
    /// `actix_web::cookie::Key::master()` returns. For `CookieContentSecurity::Signed`, which works with sessions in Redis only, call
    /// [`signed`](Self::signed) as well.
    pub fn actix_session(master_key: &[u8]) -> Self {
        Self::new("id").private(master_key)
    }

    /// tower-sessions' cookie: `id`, plain, its default. For `with_signed` and `with_private`, call [`signed`](Self::signed) or
    /// [`private`](Self::private) as well.
    pub fn tower_sessions() -> Self {
        Self::new("id")
    }

    /// The name, which is compared byte for byte.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.attributes.name = Some(name.into());
        self
    }

    /// The path. Default: `/`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.attributes.path = path.into();
        self
    }

    /// The domain. Default: none.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.attributes.domain = Some(domain.into());
        self
    }

    /// Whether it is `Secure`. Default: yes. A browser that speaks plain HTTP removes only a cookie that is not.
    pub const fn secure(mut self, secure: bool) -> Self {
        self.attributes.secure = secure;
        self
    }

    /// Its `SameSite`. Default: [`SameSite::Lax`]. A page in a frame of another site removes only a cookie that is set for that.
    pub const fn same_site(mut self, same_site: SameSite) -> Self {
        self.attributes.same_site = same_site;
        self
    }

    /// Whether it is `Partitioned`. Default: no. A browser removes such a cookie only if this is set.
    pub const fn partitioned(mut self, partitioned: bool) -> Self {
        self.attributes.partitioned = partitioned;
        self
    }

    /// It is signed with this master key of the crate `cookie`: at least 64 bytes, what `Key::master()` returns.
    pub fn signed(mut self, master_key: &[u8]) -> Self {
        self.protection = Key::try_from(master_key).map_or(Protection::Broken, Protection::Signed);
        self
    }

    /// It is encrypted with this master key of the crate `cookie`: at least 64 bytes, what `Key::master()` returns.
    pub fn private(mut self, master_key: &[u8]) -> Self {
        self.protection = Key::try_from(master_key).map_or(Protection::Broken, Protection::Private);
        self
    }

    /// How well it is protected.
    pub(super) const fn protection(&self) -> PeerProtection {
        match self.protection {
            Protection::Plain | Protection::Broken => PeerProtection::None,
            Protection::Signed(_) => PeerProtection::Signed,
            Protection::Private(_) => PeerProtection::Encrypted,
        }
    }

    /// Checks the settings.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.attributes.clone().check()?;
        if matches!(self.protection, Protection::Broken) { Err(ConfigError::ImportKey) } else { Ok(()) }
    }

    /// Whether this is the session's own cookie, as browsers see it.
    pub(super) fn is_same_as(&self, own: &SessionCookie) -> bool {
        own.is_at(self.as_name(), &self.attributes.path, self.attributes.domain.as_deref())
    }

    /// Where it is looked for.
    pub(super) fn as_name(&self) -> &str {
        self.attributes.name()
    }

    /// What a cookie of this name says; `None` if it is forged or damaged. Both libraries encode it with percent signs.
    pub(super) fn open(&self, raw: &str) -> Option<PeerValue> {
        let decoded = Cookie::parse_encoded(format!("c={raw}")).ok()?;
        let sealed = decoded.value().to_owned();
        let cookie = Cookie::new(self.as_name().to_owned(), sealed.clone());
        let jar = CookieJar::new();
        let text = match &self.protection {
            Protection::Plain => sealed.clone(),
            Protection::Signed(key) => jar.signed(key).verify(cookie)?.value().to_owned(),
            Protection::Private(key) => jar.private(key).decrypt(cookie)?.value().to_owned(),
            Protection::Broken => return None,
        };
        Some(PeerValue { sealed, text })
    }

    /// The `Set-Cookie` line that makes the client forget it.
    pub(super) fn removal(&self) -> String {
        self.attributes.clone().into_cookie().remove()
    }
}

impl PeerValue {
    /// What the other library has put into the cookie.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same as the client holds it: signed or encrypted. Two cookies of the same text differ in it, if it is encrypted.
    #[must_use]
    pub fn sealed(&self) -> &str {
        &self.sealed
    }
}

impl fmt::Debug for PeerCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protection = match self.protection {
            Protection::Plain => "plain",
            Protection::Signed(_) => "signed",
            Protection::Private(_) => "private",
            Protection::Broken => "broken",
        };
        f.debug_struct("PeerCookie")
            .field("name", &self.as_name())
            .field("protection", &protection)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PeerValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerValue(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 64] = [7; 64];

    fn sealed(cookie: &PeerCookie, text: &str) -> String {
        let mut jar = CookieJar::new();
        let plain = Cookie::new(cookie.as_name().to_owned(), text.to_owned());
        match &cookie.protection {
            Protection::Signed(key) => jar.signed_mut(key).add(plain),
            Protection::Private(key) => jar.private_mut(key).add(plain),
            Protection::Plain | Protection::Broken => jar.add(plain),
        }
        jar.get(cookie.as_name()).unwrap().encoded().stripped().to_string().split_once('=').unwrap().1.to_owned()
    }

    #[test]
    fn only_what_was_sealed_with_the_key_and_the_name_opens() {
        let other_key = [8; 64];
        for cookie in [PeerCookie::new("id").signed(&KEY), PeerCookie::actix_session(&KEY)] {
            let text = "{\"user\":\"\\\"ada; %41\\\"\"}";
            let raw = sealed(&cookie, text);
            assert_eq!(cookie.open(&raw).unwrap().text(), text);
            assert_ne!(cookie.open(&raw).unwrap().sealed(), text);
            for wrong in
                [raw.replacen(&raw[..1], "_", 1), raw[1..].to_owned(), text.to_owned(), String::new(), "%".into()]
            {
                assert!(cookie.open(&wrong).is_none(), "{wrong}");
            }
            for other in [PeerCookie::new("id").signed(&other_key), PeerCookie::new("id").private(&other_key)] {
                assert!(other.open(&raw).is_none());
            }
        }
        let cookie = PeerCookie::actix_session(&KEY);
        assert!(cookie.clone().name("other").open(&sealed(&cookie, "x")).is_none(), "the name is sealed, too");
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        assert_eq!(PeerCookie::actix_session(&[1; 63]).check(), Err(ConfigError::ImportKey));
        assert_eq!(PeerCookie::new("a b").check(), Err(ConfigError::CookieName("a b".into())));
        assert_eq!(PeerCookie::new("id").path("x").check(), Err(ConfigError::CookiePath("x".into())));
        assert_eq!(PeerCookie::new("id").domain("a;b").check(), Err(ConfigError::CookieDomain("a;b".into())));
        for (cookie, error) in [
            (PeerCookie::new("__Host-id").domain("example.org"), ConfigError::HostPrefix("__Host-id".into())),
            (PeerCookie::new("__Secure-id").secure(false), ConfigError::PrefixNeedsSecure("__Secure-id".into())),
            (PeerCookie::new("id").partitioned(true).secure(false), ConfigError::PartitionedNeedsSecure),
        ] {
            assert_eq!(cookie.check(), Err(error), "browsers would not remove it");
        }
        assert_eq!(PeerCookie::tower_sessions().check(), Ok(()));
    }

    #[test]
    fn it_is_removed_where_it_was_set() {
        let end = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
        assert_eq!(PeerCookie::new("id").removal(), format!("id=; Path=/; Secure; HttpOnly; SameSite=Lax; {end}"));
        let other = PeerCookie::new("sid").path("/app").domain("example.org").secure(false);
        assert_eq!(other.removal(), format!("sid=; Path=/app; Domain=example.org; HttpOnly; SameSite=Lax; {end}"));
        let framed = PeerCookie::new("id").same_site(SameSite::None).partitioned(true);
        assert_eq!(framed.removal(), format!("id=; Path=/; Secure; HttpOnly; SameSite=None; Partitioned; {end}"));
    }

    #[test]
    fn the_session_s_own_cookie_is_recognised() {
        let own = |domain: Option<&str>| {
            let domain = domain.map(str::to_owned);
            CookieAttributes { name: Some("id".into()), domain, ..CookieAttributes::default() }.check().unwrap()
        };
        let peer = PeerCookie::new("id");
        assert!(peer.is_same_as(&own(None)));
        assert!(!peer.is_same_as(&own(Some("example.org"))) && !peer.clone().path("/app").is_same_as(&own(None)));
        for domain in ["example.org", ".example.org", "Example.ORG"] {
            let peer = peer.clone().domain(domain);
            assert!(!peer.is_same_as(&own(None)) && !peer.is_same_as(&own(Some("example.com"))));
            for same in ["example.org", ".example.org", "eXample.org"] {
                assert!(peer.is_same_as(&own(Some(same))), "{domain} and {same}");
            }
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let cookie = PeerCookie::actix_session(&KEY);
        let value = cookie.open(&sealed(&cookie, "secret")).unwrap();
        assert_eq!(
            format!("{cookie:?} {value:?}"),
            "PeerCookie { name: \"id\", protection: \"private\", .. } PeerValue(…)"
        );
    }
}
