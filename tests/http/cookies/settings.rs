//! Settings that contradict each other.

use std::time::Duration;

use gsession::{
    MemoryStorage,
    http::{ConfigError, SameSite},
};

use super::Configure;
use crate::framework::Sessions;

#[test]
fn contradictory_settings_are_refused() {
    let built = |configure: Configure| configure(Sessions::builder(MemoryStorage::new())).build();
    let refused = |configure: Configure| built(configure).expect_err("it cannot work");
    assert_eq!(
        refused(|b| b.cookie_name("__Host-a").cookie_domain("example.org")),
        ConfigError::HostPrefix("__Host-a".into())
    );
    assert_eq!(refused(|b| b.cookie_name("__host-a").cookie_path("/a")), ConfigError::HostPrefix("__host-a".into()));
    assert_eq!(
        refused(|b| b.cookie_name("__Host-a").cookie_secure(false)),
        ConfigError::PrefixNeedsSecure("__Host-a".into())
    );
    assert_eq!(
        refused(|b| b.cookie_name("__Secure-a").cookie_secure(false)),
        ConfigError::PrefixNeedsSecure("__Secure-a".into())
    );
    assert_eq!(
        refused(|b| b.cookie_same_site(SameSite::None).cookie_secure(false)),
        ConfigError::SameSiteNoneNeedsSecure
    );
    for name in ["__Http-a", "__http-a", "__Host-Http-a", "__HOST-http-a"] {
        let refused = Sessions::builder(MemoryStorage::new()).cookie_name(name).cookie_secure(false).build();
        assert_eq!(refused.expect_err(name), ConfigError::PrefixNeedsSecure(name.into()));
    }
    assert_eq!(
        refused(|b| b.cookie_name("__Host-Http-a").cookie_domain("example.org")),
        ConfigError::HostPrefix("__Host-Http-a".into())
    );
    assert_eq!(
        refused(|b| b.cookie_name("__host-http-a").cookie_path("/a")),
        ConfigError::HostPrefix("__host-http-a".into())
    );
    assert_eq!(refused(|b| b.cookie_partitioned(true).cookie_secure(false)), ConfigError::PartitionedNeedsSecure);
    assert_eq!(refused(|b| b.cookie_output(false)), ConfigError::NoWayOut);
    for name in ["", "a b", "a;b", "a=b", "a\r\nSet-Cookie: b=c"] {
        let refused = Sessions::builder(MemoryStorage::new()).cookie_name(name).build();
        assert_eq!(refused.expect_err(name), ConfigError::CookieName(name.into()));
    }
    for name in ["", "a b", "a:b", "a\r\nb"] {
        let refused = Sessions::builder(MemoryStorage::new()).header_name(name).build();
        assert_eq!(refused.expect_err(name), ConfigError::HeaderName(name.into()));
        assert!(Sessions::builder(MemoryStorage::new()).header_only(name).build().is_err(), "{name}");
    }
    for path in ["", "do", "/;Domain=evil.example", "/\r\n"] {
        let refused = Sessions::builder(MemoryStorage::new()).cookie_path(path).build();
        assert_eq!(refused.expect_err(path), ConfigError::CookiePath(path.into()));
    }
    for domain in ["", ".", "a;Path=/", "a b"] {
        let refused = Sessions::builder(MemoryStorage::new()).cookie_domain(domain).build();
        assert_eq!(refused.expect_err(domain), ConfigError::CookieDomain(domain.into()));
    }
    let too_short: [Configure; 2] =
        [|b| b.idle_timeout(Duration::ZERO), |b| b.absolute_lifetime(Duration::from_nanos(1))];
    for configure in too_short {
        assert!(matches!(refused(configure), ConfigError::Lifetime(_)));
    }
    let fine: [Configure; 7] = [
        |b| b.cookie_name("__Host-a"),
        |b| b.cookie_name("__Host-Http-a").cookie_partitioned(true),
        |b| b.cookie_name("__Http-a").cookie_domain("example.org").cookie_path("/a"),
        |b| b.cookie_secure(false).cookie_partitioned(false),
        |b| b.cookie_same_site(SameSite::None),
        |b| b.cookie_secure(false).cookie_path("/a"),
        |b| b.idle_timeout(Duration::MAX).absolute_lifetime(Duration::MAX),
    ];
    for configure in fine {
        assert!(built(configure).is_ok());
    }
}
