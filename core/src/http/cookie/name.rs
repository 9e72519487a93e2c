//! The cookie's name, and what its prefix promises to browsers.

use crate::http::{ConfigError, token::is_name};

/// The default name, if the attributes match its prefix.
const STRONGEST: &str = "__Host-Http-gsession";

/// The default name, if the attributes rule the prefix out.
const PLAIN: &str = "gsession";

/// Names that browsers accept only with `Secure`. `__Host-` covers `__Host-Http-`.
const SECURE: [&str; 3] = ["__Secure-", "__Host-", "__Http-"];

/// Names that browsers accept only with the path `/` and without a domain. It covers `__Host-Http-`.
const HOST: &str = "__Host-";

/// What the prefix of a name depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) is_secure: bool,
    /// Whether the cookie has the path `/` and no domain.
    pub(super) is_host_wide: bool,
}

/// The strongest name that these attributes allow.
pub(super) const fn default(scope: Scope) -> &'static str {
    if scope.is_secure && scope.is_host_wide { STRONGEST } else { PLAIN }
}

/// Checks that it is a valid name, and that the attributes match its prefix.
///
/// `__Http-` and `__Host-Http-` also ask for `HttpOnly`, which every session cookie has.
pub(super) fn check(name: &str, scope: Scope) -> Result<(), ConfigError> {
    if !is_name(name) {
        return Err(ConfigError::CookieName(name.to_owned()));
    }
    if !scope.is_secure && SECURE.iter().any(|prefix| has_prefix(name, prefix)) {
        return Err(ConfigError::PrefixNeedsSecure(name.to_owned()));
    }
    if has_prefix(name, HOST) && !scope.is_host_wide {
        return Err(ConfigError::HostPrefix(name.to_owned()));
    }
    Ok(())
}

/// As browsers compare prefixes: without regard to case.
fn has_prefix(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
