//! Why settings are rejected.

/// Settings that contradict each other or cannot work. Reported when you build the [`Transport`](super::Transport) or a
/// framework's middleware, not on the first request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not a cookie name (RFC 6265 4.1.1: a token), or too long.
    #[error("{0:?} is not a cookie name: letters, digits and !#$%&'*+-.^_`|~ only, at most 256 of them")]
    CookieName(String),
    /// A `__Secure-`, `__Host-`, `__Http-` or `__Host-Http-` name without `Secure`: browsers would reject the cookie
    /// (RFC 6265bis 4.1.3, draft-ietf-httpbis-layered-cookies 4.1.3).
    #[error("a cookie named {0:?} must be Secure: choose a name without the prefix, or leave cookie_secure on")]
    PrefixNeedsSecure(String),
    /// A `__Host-` or `__Host-Http-` name with a domain or a path: browsers would reject the cookie (RFC 6265bis
    /// 4.1.3.2).
    #[error("a cookie named {0:?} must have no domain and the path /: choose a name without the prefix")]
    HostPrefix(String),
    /// `SameSite=None` without `Secure`: browsers would reject the cookie.
    #[error("a SameSite=None cookie must be Secure: leave cookie_secure on, or choose another cookie_same_site")]
    SameSiteNoneNeedsSecure,
    /// `Partitioned` without `Secure`: browsers would reject the cookie (CHIPS,
    /// draft-cutler-httpbis-partitioned-cookies).
    #[error("a Partitioned cookie must be Secure: leave cookie_secure on, or leave cookie_partitioned off")]
    PartitionedNeedsSecure,
    /// Not a domain (RFC 6265 4.1.2.3): letters, digits, `-` and `.`, at most 253 of them.
    #[error("{0:?} is not a domain for a cookie: letters, digits, - and . only, without a port")]
    CookieDomain(String),
    /// Not a path (RFC 6265 4.1.1): it starts with `/` and has at most 1024 visible ASCII characters or spaces, without
    /// `;`.
    #[error("{0:?} is not a path for a cookie: it must start with / and contain neither ; nor control characters")]
    CookiePath(String),
    /// Not a header name (RFC 9110 5.1: a token), or too long.
    #[error(
        "{0:?} is not a name for the session header: letters, digits and !#$%&'*+-.^_`|~ only, at most 256 of them"
    )]
    HeaderName(String),
    /// A header that already has a meaning. The session would overwrite it in responses, or misread it in requests.
    #[error("{name:?} cannot be the session header: {reason}")]
    HeaderTaken {
        /// The name, as given.
        name: String,
        /// What the header is for.
        reason: &'static str,
    },
    /// Two of `header_name`, `header_only` and `bearer`: each one defines where ids are read from.
    #[error("{first} and {second} exclude each other: choose one")]
    HeaderChosenTwice {
        /// The setting that came first.
        first: &'static str,
        /// The other one.
        second: &'static str,
    },
    /// A setting of the cookie, although there is no cookie.
    #[error("{setting} has no effect: with {instead}, the session has no cookie")]
    CookieUnused {
        /// The setting of the cookie.
        setting: &'static str,
        /// The setting that replaces the cookie: `header_only` or `bearer`.
        instead: &'static str,
    },
    /// Neither a cookie nor a header carries the id to the client.
    #[error("with cookie_output(false) the session id needs a header: set header_name, header_only or bearer")]
    NoWayOut,
    /// The lifetimes cannot work. These are settings of the manager, which a framework's middleware checks as well.
    #[error(transparent)]
    Lifetime(#[from] crate::ConfigError),
    /// Sessions of another library are to be taken over, and no cookie is set, which the browser would need for the new one.
    #[error("sessions can be taken over only into a cookie: leave out header_only, bearer and cookie_output(false)")]
    ImportNeedsCookie,
    /// Sessions of another library are to be taken over that do not say when they end.
    #[error("the sessions to take over do not say when they end: set Import::until")]
    ImportNeedsEnd,
    /// The key of another library's cookie is too short.
    #[error("the master key of the cookie to take over must have at least 64 bytes")]
    ImportKey,
    /// The cookie of another library is protected less than its store needs: "signed" or "encrypted". Clients could choose their session.
    #[error(
        "the cookie to take over must be {0} with a key of the other library, as clients could choose their session otherwise"
    )]
    ImportNeedsProtection(&'static str),
    /// Sessions of another library are to be taken over into GoFrame's format, which has no room for notes.
    #[error("sessions cannot be taken over into a storage in GoFrame's format")]
    ImportIntoRawIds,
}
