//! The settings of a transport and of what is built on one, and whether they are consistent.

mod settings;

pub use settings::ServiceSettings;

use super::{ConfigError, CookieMaxAge, SameSite, Transport, cookie::CookieAttributes, header::HeaderChoice};

/// Settings of a `T`: a [`Transport`], or a framework's middleware around one, which adds the settings of its sessions.
///
/// ```
/// use gsession::http::{ConfigError, SameSite, Transport};
///
/// let transport = Transport::builder().cookie_name("__Host-sid").cookie_same_site(SameSite::Strict).build()?;
/// assert!(transport.is_named("__Host-sid"));
///
/// // Contradictory settings are rejected here, not later by the browser.
/// let refused = Transport::builder().cookie_name("__Host-sid").cookie_domain("example.org").build();
/// assert_eq!(refused.unwrap_err(), ConfigError::HostPrefix("__Host-sid".into()));
/// # Ok::<(), ConfigError>(())
/// ```
///
/// # Where the id travels
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
/// [`build`](Self::build) rejects every cookie setting except `cookie_output(false)`, which means the same. If you call
/// a setting again, the last call counts.
#[derive(Debug)]
#[must_use]
pub struct Builder<T: Configured = Transport> {
    cookie: CookieAttributes,
    /// The cookie attribute that was set last.
    cookie_setting: Option<&'static str>,
    cookie_output: Option<bool>,
    header: Option<HeaderChoice>,
    /// Two settings that each choose a header.
    header_clash: Option<(&'static str, &'static str)>,
    no_store_when_logged_in: bool,
    further: T::Settings,
}

/// What a [`Builder`] can build. A framework implements it for its middleware, with [`ServiceSettings`].
pub trait Configured: Sized {
    /// The settings in addition to those of the transport.
    type Settings;

    /// Builds it from these settings and a transport, whose settings were checked.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the additional settings cannot work.
    fn configured(transport: Transport, further: Self::Settings) -> Result<Self, ConfigError>;
}

impl Configured for Transport {
    type Settings = ();

    fn configured(transport: Transport, (): ()) -> Result<Self, ConfigError> {
        Ok(transport)
    }
}

impl Transport {
    /// The settings of a transport.
    pub fn builder() -> Builder {
        Builder::new(())
    }
}

impl<T: Configured> Builder<T> {
    /// The default settings of a transport, plus these.
    pub fn new(further: T::Settings) -> Self {
        Self {
            cookie: CookieAttributes::default(),
            cookie_setting: None,
            cookie_output: None,
            header: None,
            header_clash: None,
            no_store_when_logged_in: false,
            further,
        }
    }

    /// The cookie's name (GoFrame's `SessionIdName`). Default: `__Host-Http-gsession`, or `gsession` if the other
    /// settings forbid the prefix: a domain, a path other than `/`, or `cookie_secure(false)`.
    ///
    /// Browsers accept a cookie whose name has a prefix only if its attributes match the prefix. So a server can trust
    /// the name: neither a script nor another host can have set a cookie that starts with `__Host-Http-`.
    ///
    /// | prefix | the cookie has | source |
    /// |---|---|---|
    /// | `__Secure-` | `Secure` | RFC 6265bis 4.1.3.1 |
    /// | `__Host-` | `Secure`, `Path=/`, no `Domain` | RFC 6265bis 4.1.3.2 |
    /// | `__Http-` | `Secure`, `HttpOnly` | draft-ietf-httpbis-layered-cookies 4.1.3.3 |
    /// | `__Host-Http-` | `Secure`, `HttpOnly`, `Path=/`, no `Domain` | draft-ietf-httpbis-layered-cookies 4.1.3.4 |
    ///
    /// Browsers that do not know `__Host-Http-` yet treat it as `__Host-`. They ignore case in prefixes, and so does
    /// [`build`](Self::build), which rejects a name whose prefix does not match the other settings.
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie.name = Some(name.into());
        self.with_cookie("cookie_name")
    }

    /// Whether browsers send the cookie over HTTPS only. Default: yes (RFC 6265bis 4.1.2.5, ASVS 3.3.1).
    ///
    /// For development over plain HTTP, `false` is the only setting you need. The cookie is then called `gsession`.
    ///
    /// Browsers ignore a `Secure` cookie over plain HTTP. Some make an exception for your own machine: Chromium (tested
    /// with version 156) for `localhost`, for names that end in `.localhost` and for `127.0.0.1`, Firefox for
    /// `localhost` (issue 2605 of httpwg/http-extensions). Safari makes none (WebKit bug 281149).
    pub fn cookie_secure(mut self, secure: bool) -> Self {
        self.cookie.secure = secure;
        self.with_cookie("cookie_secure")
    }

    /// Which requests from other sites carry the cookie. Default: [`SameSite::Lax`] (ASVS 3.3.2).
    pub fn cookie_same_site(mut self, same_site: SameSite) -> Self {
        self.cookie.same_site = same_site;
        self.with_cookie("cookie_same_site")
    }

    /// Whether browsers keep a separate cookie for each site that embeds yours (attribute `Partitioned`, CHIPS,
    /// draft-cutler-httpbis-partitioned-cookies). Default: no. Needs `Secure`.
    ///
    /// You need it if your pages are shown in an iframe on another site. The cookie is then a third-party cookie, and
    /// browsers that block those accept it only if it is `Partitioned`. Set [`SameSite::None`] as well: any other value
    /// keeps the cookie out of such an iframe.
    ///
    /// ```
    /// # use gsession::http::{SameSite, Transport};
    /// let transport = Transport::builder().cookie_same_site(SameSite::None).cookie_partitioned(true).build()?;
    /// # let _ = transport;
    /// # Ok::<(), gsession::http::ConfigError>(())
    /// ```
    ///
    /// A partitioned cookie belongs to your host and the site in the address bar. So a user who is logged in on your
    /// site is not logged in inside the iframe, and a login inside the iframe on one site counts neither on another
    /// site nor on yours.
    pub fn cookie_partitioned(mut self, partitioned: bool) -> Self {
        self.cookie.partitioned = partitioned;
        self.with_cookie("cookie_partitioned")
    }

    /// Sends the cookie to the subdomains of `domain` too. Default: only to the host that set it (RFC 6265bis 4.1.2.3).
    pub fn cookie_domain(mut self, domain: impl Into<String>) -> Self {
        self.cookie.domain = Some(domain.into());
        self.with_cookie("cookie_domain")
    }

    /// Sends the cookie only below `path`. Default: `/` (RFC 6265bis 4.1.2.4).
    pub fn cookie_path(mut self, path: impl Into<String>) -> Self {
        self.cookie.path = path.into();
        self.with_cookie("cookie_path")
    }

    /// How long the browser keeps the cookie: a [`CookieMaxAge`] or a [`Duration`](std::time::Duration) (GoFrame's
    /// `SessionCookieMaxAge`). By default, and with zero, until the browser is closed. Fractions of a second are
    /// rounded up. More than 400 days count as 400 days (RFC 6265bis 5.5).
    pub fn cookie_max_age(mut self, age: impl Into<CookieMaxAge>) -> Self {
        self.cookie.max_age = age.into();
        self.with_cookie("cookie_max_age")
    }

    fn with_cookie(mut self, setting: &'static str) -> Self {
        self.cookie_setting = Some(setting);
        self
    }

    /// Whether to set cookies (GoFrame's `SessionCookieOutput`). Default: yes, unless
    /// [`header_only`](Self::header_only) or [`bearer`](Self::bearer) replaces the cookie.
    ///
    /// With `false`, new ids are sent in a header. With [`header_name`](Self::header_name) the cookie is still read, so
    /// its name matters, but its attributes do not.
    pub fn cookie_output(mut self, output: bool) -> Self {
        self.cookie_output = Some(output);
        self
    }

    /// Also accepts the id in a header of this name, and sends new ids to such clients in the same header. A client
    /// that presents nothing gets its id both ways. Default: cookie only.
    ///
    /// Unlike an `HttpOnly` cookie, scripts on the page can read that header.
    ///
    /// [`build`](Self::build) rejects headers that already have a meaning, because browsers, proxies and caches act on
    /// them: `Authorization` (see [`bearer`](Self::bearer)), `Host`, `Forwarded`, `Content-Type` and the like.
    pub fn header_name(self, name: impl Into<String>) -> Self {
        self.choose(HeaderChoice::Beside(name.into()))
    }

    /// Uses a header of this name instead of a cookie, which is neither read nor set. For clients that are not
    /// browsers. Default: cookie only. The same names are rejected as for [`header_name`](Self::header_name).
    pub fn header_only(self, name: impl Into<String>) -> Self {
        self.choose(HeaderChoice::Only(name.into()))
    }

    /// Reads the id from `Authorization: Bearer <id>` instead of a cookie, which is neither read nor set (RFC 6750
    /// 2.1). For clients that are not browsers. Default: cookie only.
    ///
    /// A new id is sent in the response header `Authorization: Bearer <id>`. A handler may also put it into the body:
    /// after [`save`](crate::AsyncSession::save), [`id`](crate::AsyncSession::id) is the one the client must use next.
    ///
    /// - The scheme name ignores case, and one or more spaces follow it (RFC 9110 11.1, 11.4).
    /// - Other schemes are ignored, so `Authorization: Basic` for another purpose does no harm. Every `Authorization`
    ///   line counts; a line has one id, not a list.
    /// - Responses vary by `Authorization`. Scripts on other origins can read the response header only if
    ///   `Access-Control-Expose-Headers` names it.
    /// - A handler that answers 401 sets `WWW-Authenticate: Bearer` itself (RFC 6750 3).
    /// - Anyone who has the id can use the session, so serve it over HTTPS only (RFC 6750 5.3).
    ///
    /// If middlewares are nested, this session's name is `authorization`.
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

    /// Keeps the pages of a logged-in session out of all caches, so that the Back button shows nothing after a logout
    /// (ASVS 14.3.2, OWASP Session Management Cheat Sheet). Default: no.
    ///
    /// A session is logged in while it has a principal: see [`set_principal`](crate::AsyncSession::set_principal). A
    /// response gets `Cache-Control: no-store` if its handler used such a session, or wrote to a session without
    /// reading it. Pages that do not use the session are unaffected. The header replaces what the handler set, such as
    /// `public`, `private` or `max-age`, unless that already contains `no-store` (RFC 9111 5.2.2.5). Fields for
    /// particular caches, such as `CDN-Cache-Control`, stay as they are, and those caches obey them (RFC 9213 2.2).
    ///
    /// Without this setting, only responses with an id get `no-store`, and only if the handler set no `Cache-Control`:
    /// see your framework's middleware.
    pub fn no_store_when_logged_in(mut self, no_store: bool) -> Self {
        self.no_store_when_logged_in = no_store;
        self
    }

    /// Checks the settings and builds.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if settings contradict each other or cannot work: browsers would reject the cookie, the header
    /// already has a meaning, or every session would end at once.
    pub fn build(self) -> Result<T, ConfigError> {
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
        let transport =
            Transport { cookie, cookie_output, header, no_store_when_logged_in: self.no_store_when_logged_in };
        T::configured(transport, self.further)
    }
}
