//! The cookie's name, and what its prefix promises to browsers.

use super::CookieAttributes;
use crate::http::{ConfigError, token::is_name};

/// The default name, if the attributes match its prefix.
const STRONGEST: &str = "__Host-Http-gsession";

/// The default name, if the attributes rule the prefix out.
const PLAIN: &str = "gsession";

/// Names that browsers accept only with `Secure`. `__Host-` covers `__Host-Http-`.
const SECURE: [&str; 3] = ["__Secure-", "__Host-", "__Http-"];

/// Names that browsers accept only with the path `/` and without a domain. It covers `__Host-Http-`.
const HOST: &str = "__Host-";

/// The name as set, or the strongest default that the other attributes allow.
pub(super) fn resolve(attributes: &CookieAttributes) -> String {
    attributes.name.clone().unwrap_or_else(|| {
        let may_have_prefix = attributes.secure && is_host_wide(attributes);
        if may_have_prefix { STRONGEST } else { PLAIN }.to_owned()
    })
}

/// Checks that it is a valid name, and that the attributes match its prefix.
///
/// `__Http-` and `__Host-Http-` also require `HttpOnly`, which every session cookie has.
pub(super) fn check(name: &str, attributes: &CookieAttributes) -> Result<(), ConfigError> {
    if !is_name(name) {
        return Err(ConfigError::CookieName(name.to_owned()));
    }
    if !attributes.secure && SECURE.iter().any(|prefix| has_prefix(name, prefix)) {
        return Err(ConfigError::PrefixNeedsSecure(name.to_owned()));
    }
    if has_prefix(name, HOST) && !is_host_wide(attributes) {
        return Err(ConfigError::HostPrefix(name.to_owned()));
    }
    Ok(())
}

fn is_host_wide(attributes: &CookieAttributes) -> bool {
    attributes.domain.is_none() && attributes.path == "/"
}

/// Compares prefixes as browsers do, ignoring case.
fn has_prefix(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_name_follows_the_other_settings() {
        let strict = CookieAttributes::default();
        assert_eq!(resolve(&strict), "__Host-Http-gsession");
        assert_eq!(resolve(&CookieAttributes { partitioned: true, ..strict.clone() }), "__Host-Http-gsession");
        for looser in [
            CookieAttributes { secure: false, ..strict.clone() },
            CookieAttributes { path: "/app".into(), ..strict.clone() },
            CookieAttributes { domain: Some("a.b".into()), ..strict.clone() },
        ] {
            let name = resolve(&looser);
            assert_eq!(name, "gsession");
            assert_eq!(check(&name, &looser), Ok(()));
        }
        let named = CookieAttributes { name: Some("sid".into()), ..strict };
        assert_eq!(resolve(&named), "sid");
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
            assert_eq!(check(name, &plain), Err(ConfigError::PrefixNeedsSecure(name.into())));
            assert_eq!(check(name, &CookieAttributes::default()), Ok(()), "{name}");
        }
        for name in ["_Http-x", "__Httpx", "__HttpOnly-x", "x__Http-x", "__Host", "__Http", "-", "Http-x"] {
            assert_eq!(check(name, &plain), Ok(()), "{name} has no prefix");
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
                assert_eq!(check(name, &looser), Err(ConfigError::HostPrefix(name.into())));
            }
            for name in ["__Http-x", "__http-x", "__Secure-x", "x"] {
                assert_eq!(check(name, &looser), Ok(()), "{name} may have a domain and a path");
            }
        }
    }
}
