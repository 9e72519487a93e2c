//! The settings of a transport, and whether they fit together.

use super::{ConfigError, CookieMaxAge, SameSite, Transport, cookie::CookieAttributes, header::HeaderChoice};

/// Settings of a [`Transport`].
///
/// ```
/// use gsession::http::{ConfigError, SameSite, Transport};
///
/// let transport = Transport::builder().cookie_name("__Host-sid").cookie_same_site(SameSite::Strict).build()?;
/// assert!(transport.is_named("__Host-sid"));
///
/// // Settings that contradict each other are refused here, not by the browser later.
/// let refused = Transport::builder().cookie_name("__Host-sid").cookie_domain("example.org").build();
/// assert_eq!(refused.unwrap_err(), ConfigError::HostPrefix("__Host-sid".into()));
/// # Ok::<(), ConfigError>(())
/// ```
///
/// | settings | ids are read from | new ids are written to |
/// |---|---|---|
/// | none | the cookie | the cookie |
/// | [`header_name`](Self::header_name) | the cookie, then the header | where the client's id came from; both for a client without one |
/// | `header_name` and [`cookie_output(false)`](Self::cookie_output) | the cookie, then the header | the header |
/// | [`header_only`](Self::header_only) | the header | the header |
/// | [`bearer`](Self::bearer) | `Authorization: Bearer` | `Authorization: Bearer` |
///
/// `header_name`, `header_only` and `bearer` exclude each other. With `header_only` or `bearer` there is no cookie, so
/// [`build`](Self::build) refuses every setting of the cookie, except `cookie_output(false)`, which says the same. Calling a
/// setting again replaces what it said before.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct TransportBuilder {
    cookie: CookieAttributes,
    /// The last setting of the cookie's attributes that was called.
    cookie_setting: Option<&'static str>,
    cookie_output: Option<bool>,
    header: Option<HeaderChoice>,
    /// Two settings that each chose a header.
    header_clash: Option<(&'static str, &'static str)>,
    no_store_when_logged_in: bool,
}

impl TransportBuilder {
    /// The cookie's name (GoFrame's `SessionIdName`). Default: `__Host-Http-gsession`, or `gsession` if the other settings forbid
    /// the prefix.
    ///
    /// The other settings have to keep what a prefix promises: `__Secure-` and `__Http-` need `Secure`; `__Host-` and
    /// `__Host-Http-` also need the path `/` and no domain (RFC 6265bis 4.1.3, draft-ietf-httpbis-layered-cookies 4.1.3).
    /// Prefixes ignore case, as in browsers.
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie.name = Some(name.into());
        self.with_cookie("cookie_name")
    }

    /// Whether browsers send the cookie over HTTPS only (`Secure`). Default: yes (RFC 6265bis 4.1.2.5, ASVS 3.3.1).
    pub const fn cookie_secure(mut self, secure: bool) -> Self {
        self.cookie.secure = secure;
        self.with_cookie("cookie_secure")
    }

    /// On which requests from other sites the cookie is sent (`SameSite`). Default: [`SameSite::Lax`] (ASVS 3.3.2).
    pub const fn cookie_same_site(mut self, same_site: SameSite) -> Self {
        self.cookie.same_site = same_site;
        self.with_cookie("cookie_same_site")
    }

    /// Whether browsers keep a separate cookie for each site that embeds this one (`Partitioned`, CHIPS,
    /// draft-cutler-httpbis-partitioned-cookies). Default: no. Needs `Secure`.
    pub const fn cookie_partitioned(mut self, partitioned: bool) -> Self {
        self.cookie.partitioned = partitioned;
        self.with_cookie("cookie_partitioned")
    }

    /// Sends the cookie to the subdomains of `domain` too (`Domain`). Default: only to the host that set it (RFC 6265bis
    /// 4.1.2.3).
    pub fn cookie_domain(mut self, domain: impl Into<String>) -> Self {
        self.cookie.domain = Some(domain.into());
        self.with_cookie("cookie_domain")
    }

    /// Sends the cookie only below `path` (`Path`). Default: `/` (RFC 6265bis 4.1.2.4).
    pub fn cookie_path(mut self, path: impl Into<String>) -> Self {
        self.cookie.path = path.into();
        self.with_cookie("cookie_path")
    }

    /// How long the browser keeps the cookie (`Max-Age`): a [`CookieMaxAge`] or a [`Duration`](std::time::Duration) (GoFrame's
    /// `SessionCookieMaxAge`). Default, and with zero: until it is closed.
    pub fn cookie_max_age(mut self, age: impl Into<CookieMaxAge>) -> Self {
        self.cookie.max_age = age.into();
        self.with_cookie("cookie_max_age")
    }

    const fn with_cookie(mut self, setting: &'static str) -> Self {
        self.cookie_setting = Some(setting);
        self
    }

    /// Whether cookies are set (GoFrame's `SessionCookieOutput`). Default: yes, unless [`header_only`](Self::header_only) or
    /// [`bearer`](Self::bearer) replaces the cookie.
    ///
    /// With `false`, new ids go out in a header. Beside [`header_name`](Self::header_name) the cookie is still read.
    pub const fn cookie_output(mut self, output: bool) -> Self {
        self.cookie_output = Some(output);
        self
    }

    /// Accepts the id in a header of this name too, and answers such clients in the same header. Default: cookie only.
    ///
    /// Headers with a meaning of their own are refused, since browsers, proxies and caches act on them.
    pub fn header_name(self, name: impl Into<String>) -> Self {
        self.choose(HeaderChoice::Beside(name.into()))
    }

    /// Uses a header of this name instead of a cookie. Default: cookie only. The same names are refused as by
    /// [`header_name`](Self::header_name).
    pub fn header_only(self, name: impl Into<String>) -> Self {
        self.choose(HeaderChoice::Only(name.into()))
    }

    /// Uses `Authorization: Bearer <id>` instead of a cookie, in requests (RFC 6750 2.1) and in responses. Default: cookie only.
    ///
    /// The scheme ignores case, and one or more spaces follow it (RFC 9110 11.1, 11.4). Other schemes are ignored.
    pub fn bearer(self) -> Self {
        self.choose(HeaderChoice::Bearer)
    }

    fn choose(mut self, choice: HeaderChoice) -> Self {
        if let Some(earlier) = self.header.as_ref().map(HeaderChoice::setting)
            && earlier != choice.setting()
        {
            self.header_clash.get_or_insert((earlier, choice.setting()));
        }
        self.header = Some(choice);
        self
    }

    /// Whether no cache may store the pages of a logged-in session, the browser's cache included (ASVS 14.3.2, OWASP Session
    /// Management Cheat Sheet). Default: no; then only responses that carry an id are kept out of caches.
    pub const fn no_store_when_logged_in(mut self, no_store: bool) -> Self {
        self.no_store_when_logged_in = no_store;
        self
    }

    /// Checks the settings and makes the transport.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if settings contradict each other, if no browser would accept the cookie, or if the header means
    /// something else.
    pub fn build(self) -> Result<Transport, ConfigError> {
        if let Some((first, second)) = self.header_clash {
            return Err(ConfigError::HeaderChosenTwice { first, second });
        }
        let header = self.header.as_ref().map(HeaderChoice::check).transpose()?;
        let cookie = match &self.header {
            Some(choice) if choice.replaces_cookie() => {
                let output = (self.cookie_output == Some(true)).then_some("cookie_output(true)");
                if let Some(setting) = self.cookie_setting.or(output) {
                    return Err(ConfigError::CookieUnused { setting, instead: choice.setting() });
                }
                None
            }
            _ => Some(self.cookie.check()?),
        };
        let cookie_output = cookie.is_some() && self.cookie_output.unwrap_or(true);
        if header.is_none() && !cookie_output {
            return Err(ConfigError::NoWayOut);
        }
        Ok(Transport { cookie, cookie_output, header, no_store_when_logged_in: self.no_store_when_logged_in })
    }
}
