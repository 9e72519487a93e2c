//! The middleware's settings.

use std::time::Duration;

use gsession::{AnyStorage, AsyncManager, Clock, IdGenerator, Limits, ManagerBuilder};

use super::{SHUTDOWN_TIMEOUT, SessionMiddleware};
use crate::{
    ConfigError, CookieMaxAge, SameSite, cookie::CookieAttributes, header::HeaderChoice, transport::Transport,
};

/// Settings of a [`SessionMiddleware`].
///
/// ```
/// use std::time::Duration;
/// use gsession::MemoryStorage;
/// use gsession_actix::{SameSite, SessionMiddleware};
///
/// let sessions = SessionMiddleware::builder(MemoryStorage::new())
///     .cookie_same_site(SameSite::Strict)
///     .idle_timeout(Duration::from_secs(30 * 60))
///     .absolute_lifetime(Duration::from_secs(12 * 60 * 60))
///     .build()?;
/// # let _ = sessions;
///
/// // Settings that contradict each other are refused here, not by the browser later.
/// let refused = SessionMiddleware::builder(MemoryStorage::new()).cookie_name("__Host-sid").cookie_domain("example.org").build();
/// assert!(refused.is_err());
/// # Ok::<(), gsession_actix::ConfigError>(())
/// ```
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
/// [`build`](Self::build) refuses every setting of the cookie, except `cookie_output(false)`, which says the same. Calling a
/// setting again replaces what it said before.
#[derive(Debug)]
#[must_use]
pub struct SessionMiddlewareBuilder {
    manager: ManagerBuilder<AsyncManager>,
    cookie: CookieAttributes,
    /// The last setting of the cookie's attributes that was called.
    cookie_setting: Option<&'static str>,
    cookie_output: Option<bool>,
    header: Option<HeaderChoice>,
    /// Two settings that each chose a header.
    header_clash: Option<(&'static str, &'static str)>,
    no_store_when_logged_in: bool,
    realm: Option<String>,
    shutdown_timeout: Duration,
}

impl SessionMiddlewareBuilder {
    pub(super) fn new(storage: impl Into<AnyStorage>) -> Self {
        Self {
            manager: AsyncManager::builder(storage),
            cookie: CookieAttributes::default(),
            cookie_setting: None,
            cookie_output: None,
            header: None,
            header_clash: None,
            no_store_when_logged_in: false,
            realm: None,
            shutdown_timeout: SHUTDOWN_TIMEOUT,
        }
    }

    /// The cookie's name (GoFrame's `SessionIdName`). Default: `__Host-Http-gsession`, or `gsession` if the other settings
    /// forbid the prefix: a domain, a path other than `/`, or `cookie_secure(false)`.
    ///
    /// Browsers accept a cookie whose name has a prefix only if its attributes are what the prefix promises. So a server can
    /// trust the name: neither a script nor another host can have set a cookie that begins with `__Host-Http-`.
    ///
    /// | prefix | the cookie has | source |
    /// |---|---|---|
    /// | `__Secure-` | `Secure` | RFC 6265bis 4.1.3.1 |
    /// | `__Host-` | `Secure`, `Path=/`, no `Domain` | RFC 6265bis 4.1.3.2 |
    /// | `__Http-` | `Secure`, `HttpOnly` | draft-ietf-httpbis-layered-cookies 4.1.3.3 |
    /// | `__Host-Http-` | `Secure`, `HttpOnly`, `Path=/`, no `Domain` | draft-ietf-httpbis-layered-cookies 4.1.3.4 |
    ///
    /// Browsers that do not know `__Host-Http-` yet read it as `__Host-`. They compare prefixes without regard to case, and
    /// so does [`build`](Self::build), which refuses a name whose promise the other settings do not keep.
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie.name = Some(name.into());
        self.cookie_setting = Some("cookie_name");
        self
    }

    /// Whether browsers send the cookie over HTTPS only. Default: yes (RFC 6265bis 4.1.2.5, ASVS 3.3.1).
    ///
    /// `false` is the one setting that development over plain HTTP needs; the cookie is then called `gsession`.
    ///
    /// Browsers ignore a `Secure` cookie over plain HTTP. Some make an exception for your own machine: Chromium (tested with
    /// version 156) for `localhost`, for names that end in `.localhost` and for `127.0.0.1`, Firefox for `localhost`
    /// (issue 2605 of httpwg/http-extensions). Safari makes none (WebKit bug 281149).
    pub const fn cookie_secure(mut self, secure: bool) -> Self {
        self.cookie.secure = secure;
        self.cookie_setting = Some("cookie_secure");
        self
    }

    /// On which requests from other sites the cookie is sent. Default: [`SameSite::Lax`] (ASVS 3.3.2).
    pub const fn cookie_same_site(mut self, same_site: SameSite) -> Self {
        self.cookie.same_site = same_site;
        self.cookie_setting = Some("cookie_same_site");
        self
    }

    /// Whether browsers keep a separate cookie for each site that embeds yours (attribute `Partitioned`, CHIPS,
    /// draft-cutler-httpbis-partitioned-cookies). Default: no. Needs `Secure`.
    ///
    /// You need it when your pages are shown in an iframe on another site: the cookie is then a third-party cookie, and
    /// browsers that block those accept it only if it is `Partitioned`. Set [`SameSite::None`] as well, since any other value
    /// keeps the cookie out of such an iframe.
    ///
    /// ```
    /// # use gsession::MemoryStorage;
    /// # use gsession_actix::{SameSite, SessionMiddleware};
    /// let sessions = SessionMiddleware::builder(MemoryStorage::new())
    ///     .cookie_same_site(SameSite::None)
    ///     .cookie_partitioned(true)
    ///     .build()?;
    /// # let _ = sessions;
    /// # Ok::<(), gsession_actix::ConfigError>(())
    /// ```
    ///
    /// A partitioned cookie belongs to your host and to the site in the address bar. A user who is logged in to your site is
    /// therefore not logged in inside the iframe, and a login inside the iframe on one site counts neither on another site
    /// nor on yours.
    pub const fn cookie_partitioned(mut self, partitioned: bool) -> Self {
        self.cookie.partitioned = partitioned;
        self.cookie_setting = Some("cookie_partitioned");
        self
    }

    /// Sends the cookie to the subdomains of `domain` too. Default: only to the host that set it (RFC 6265bis 4.1.2.3).
    pub fn cookie_domain(mut self, domain: impl Into<String>) -> Self {
        self.cookie.domain = Some(domain.into());
        self.cookie_setting = Some("cookie_domain");
        self
    }

    /// Sends the cookie only below `path`. Default: `/` (RFC 6265bis 4.1.2.4).
    pub fn cookie_path(mut self, path: impl Into<String>) -> Self {
        self.cookie.path = path.into();
        self.cookie_setting = Some("cookie_path");
        self
    }

    /// How long the browser keeps the cookie: a [`CookieMaxAge`] or a [`Duration`] (GoFrame's `SessionCookieMaxAge`).
    /// Default: until it is closed. Zero: likewise. Parts of a second are rounded up. More than 400 days count as 400 days (RFC 6265bis 5.5).
    pub fn cookie_max_age(mut self, age: impl Into<CookieMaxAge>) -> Self {
        self.cookie.max_age = age.into();
        self.cookie_setting = Some("cookie_max_age");
        self
    }

    /// Whether cookies are set (GoFrame's `SessionCookieOutput`). Default: yes, unless [`header_only`](Self::header_only) or
    /// [`bearer`](Self::bearer) replaces the cookie.
    ///
    /// With `false`, new ids go out in a header. Beside [`header_name`](Self::header_name) the cookie is still read, so its
    /// name counts; its attributes do not matter.
    pub const fn cookie_output(mut self, output: bool) -> Self {
        self.cookie_output = Some(output);
        self
    }

    /// Accepts the id in a header of this name too, and answers such clients in the same header. A client that presents
    /// nothing gets its id both ways. Default: cookie only.
    ///
    /// Scripts on the page can read that header, unlike an `HttpOnly` cookie.
    ///
    /// Headers with a meaning of their own are refused by [`build`](Self::build), since browsers, proxies and caches act on
    /// them: `Authorization` (see [`bearer`](Self::bearer)), `Host`, `Forwarded`, `Content-Type` and the like.
    pub fn header_name(self, name: impl Into<String>) -> Self {
        self.choose(HeaderChoice::Beside(name.into()))
    }

    /// Uses a header of this name instead of a cookie, which is then neither read nor set. For clients that are not
    /// browsers. Default: cookie only. The same names are refused as by [`header_name`](Self::header_name).
    pub fn header_only(self, name: impl Into<String>) -> Self {
        self.choose(HeaderChoice::Only(name.into()))
    }

    /// Takes the id from `Authorization: Bearer <id>` instead of a cookie, which is then neither read nor set (RFC 6750 2.1).
    /// For clients that are not browsers. Default: cookie only.
    ///
    /// A new id is answered in the response header `Authorization: Bearer <id>`. A handler may just as well put it into the
    /// body: after [`save`](gsession::AsyncSession::save), [`id`](gsession::AsyncSession::id) is the one that the client
    /// has to use next.
    ///
    /// ```
    /// use actix_web::{Result, error::ErrorConflict};
    /// use gsession::Saved;
    /// use gsession_actix::Session;
    ///
    /// async fn login(session: Session) -> Result<String> {
    ///     session.renew()?;
    ///     session.set_principal("ada")?;
    ///     if session.save().await? == Saved::Gone {
    ///         return Err(ErrorConflict("the session ended meanwhile"));
    ///     }
    ///     Ok(session.id().map(|id| id.as_str().to_owned()).unwrap_or_default())
    /// }
    /// # let _ = login;
    /// ```
    ///
    /// - The name of the scheme is compared without regard to case, and one or more spaces follow it (RFC 9110 11.1, 11.4).
    /// - Other schemes are ignored, so `Authorization: Basic` for something else does no harm. Of several `Authorization` lines
    ///   each is looked at; a line holds one id and not a list.
    /// - Responses vary by `Authorization`. Scripts on other origins see the response header only if
    ///   `Access-Control-Expose-Headers` names it.
    /// - A handler that answers 401 sets `WWW-Authenticate: Bearer` itself (RFC 6750 3).
    /// - Anyone who holds the id can use the session, so serve it over HTTPS only (RFC 6750 5.3).
    ///
    /// Where middlewares are nested, this session's name is `authorization`: see
    /// [`get_session_named`](crate::SessionExt::get_session_named).
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

    /// Whether no cache may store the pages of a logged-in session, so that nothing shows when somebody presses Back after
    /// the logout (ASVS 14.3.2, OWASP Session Management Cheat Sheet). Default: no.
    ///
    /// A session is logged in while it has a principal: see [`set_principal`](gsession::AsyncSession::set_principal). A
    /// response gets `Cache-Control: no-store` if its handler used such a session, or wrote to a session without reading it.
    /// Pages that do not touch the session are unaffected. The header replaces what the handler chose instead, such as
    /// `public`, `private` or `max-age`, unless `no-store` is part of it already (RFC 9111 5.2.2.5). Fields for one kind of
    /// cache, such as `CDN-Cache-Control`, are left as they are; those caches go by them (RFC 9213 2.2).
    ///
    /// Without this setting only responses that carry an id get `no-store`, and only if the handler has set no
    /// `Cache-Control`: see [`SessionMiddleware`].
    pub const fn no_store_when_logged_in(mut self, no_store: bool) -> Self {
        self.no_store_when_logged_in = no_store;
        self
    }

    /// A session ends after this long without use. Default: 24 hours, as GoFrame (`SessionMaxAge`).
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.manager = self.manager.idle_timeout(timeout);
        self
    }

    /// A session ends this long after it was created, however often it is used. Default: never.
    pub fn absolute_lifetime(mut self, lifetime: Duration) -> Self {
        self.manager = self.manager.absolute_lifetime(lifetime);
        self
    }

    /// How often activity is stored: not again within this time. Default: a twentieth of the idle timeout, at most a minute.
    pub fn touch_interval(mut self, interval: Duration) -> Self {
        self.manager = self.manager.touch_interval(interval);
        self
    }

    /// What one session may hold. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.manager = self.manager.limits(limits);
        self
    }

    /// Where new ids come from. Default: [`HashedIds`](gsession::HashedIds).
    pub fn id_generator(mut self, ids: impl IdGenerator + 'static) -> Self {
        self.manager = self.manager.id_generator(ids);
        self
    }

    /// The clock. Default: the system's.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.manager = self.manager.clock(clock);
        self
    }

    /// Where the ids of this middleware are valid; see [`Realm`](gsession::Realm). Default: the name of the cookie, or of the
    /// header if there is no cookie, so an id from the shop's cookie opens nothing in the admin area's (S13).
    ///
    /// Give two middlewares the same realm to let them share sessions. Before you rename a cookie, set the realm to the old
    /// name.
    pub fn realm(mut self, name: impl Into<String>) -> Self {
        self.realm = Some(name.into());
        self
    }

    /// How long a logout that could not be carried out at once is tried again in the background, and how long a stopping server
    /// waits for such logouts. Default: 30 seconds, as
    /// [`HttpServer::shutdown_timeout`](actix_web::HttpServer::shutdown_timeout); give both the same value. With zero there is
    /// one try and no waiting; more than 24 hours count as 24 hours.
    ///
    /// The server drops the middleware when it stops, and dropping it waits, so do not drop clones in handlers. A middleware in
    /// a `static` is never dropped, so nothing waits for it.
    pub const fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// Checks the settings and makes the middleware.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if settings contradict each other or cannot work, so that no browser would accept the cookie or no
    /// session could live.
    pub fn build(self) -> Result<SessionMiddleware, ConfigError> {
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
        let realm = self.realm.as_deref().unwrap_or_else(|| transport.realm());
        let manager = self.manager.realm(realm).build()?;
        Ok(SessionMiddleware::of(manager, transport, self.shutdown_timeout))
    }
}
