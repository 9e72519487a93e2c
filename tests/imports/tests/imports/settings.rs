//! What cannot work is refused when the middleware is built, by an error that says why.

use gsession::{
    MemoryStorage, RedisStorage,
    http::{
        ConfigError,
        import::{ActixSessionCookie, ActixSessionRedis, Import, PeerCookie, TowerSessionsRedis},
    },
    tower::SessionLayer,
};
use gsession_actix::SessionMiddleware;

use crate::scene::tomorrow;

fn import() -> Import {
    Import::new(PeerCookie::actix_session(&[1; 64]), ActixSessionCookie).until(tomorrow())
}

#[test]
fn contradictory_settings_are_refused() {
    let short = Import::new(PeerCookie::actix_session(&[1; 63]), ActixSessionCookie).until(tomorrow());
    let endless = Import::new(PeerCookie::actix_session(&[1; 64]), ActixSessionCookie);
    let name = Import::new(PeerCookie::actix_session(&[1; 64]).name("a b"), ActixSessionCookie).until(tomorrow());
    for (import, error) in [
        (short, ConfigError::ImportKey),
        (endless, ConfigError::ImportNeedsEnd),
        (name, ConfigError::CookieName("a b".into())),
    ] {
        let actix = SessionMiddleware::builder(MemoryStorage::new()).import_from(import.clone()).build();
        assert_eq!(actix.unwrap_err(), error);
        let tower = SessionLayer::builder(MemoryStorage::new()).import_from(import).build();
        assert_eq!(tower.unwrap_err(), error);
    }
    let builder = || SessionLayer::builder(MemoryStorage::new()).import_from(import());
    assert_eq!(builder().bearer().build().unwrap_err(), ConfigError::ImportNeedsCookie);
    assert_eq!(builder().header_only("x-session").build().unwrap_err(), ConfigError::ImportNeedsCookie);
    let without = builder().header_name("x-session").cookie_output(false).build();
    assert_eq!(without.unwrap_err(), ConfigError::ImportNeedsCookie);
    assert!(builder().header_name("x-session").build().is_ok());
}

#[test]
fn goframes_format_has_no_room_for_notes() {
    let storage = RedisStorage::builder("redis://127.0.0.1:1").goframe().build().unwrap();
    let refused = SessionLayer::builder(storage).import_from(import()).build();
    assert_eq!(refused.unwrap_err(), ConfigError::ImportIntoRawIds);
}

/// Anybody could write such a cookie, or two people have the same one.
#[test]
fn a_cookie_that_is_protected_too_little_is_refused() {
    const KEY: [u8; 64] = [1; 64];
    let url = "redis://127.0.0.1:1";
    let cookies = [PeerCookie::new("id"), PeerCookie::new("id").signed(&KEY), PeerCookie::actix_session(&KEY)];
    let built = |cookie: &PeerCookie, number: usize| {
        let import = match number {
            0 => Import::new(cookie.clone(), ActixSessionCookie).until(tomorrow()),
            1 => Import::new(cookie.clone(), ActixSessionRedis::open(url).unwrap()),
            _ => Import::new(cookie.clone(), TowerSessionsRedis::open(url).unwrap()),
        };
        let tower = SessionLayer::builder(MemoryStorage::new()).import_from(import.clone()).build().err();
        assert_eq!(SessionMiddleware::builder(MemoryStorage::new()).import_from(import).build().err(), tower);
        tower
    };
    let encrypted = Some(ConfigError::ImportNeedsProtection("encrypted"));
    let signed = Some(ConfigError::ImportNeedsProtection("signed"));
    for (number, expected) in
        [[encrypted.clone(), encrypted, None], [signed, None, None], [None, None, None]].iter().enumerate()
    {
        for (cookie, expected) in cookies.iter().zip(expected) {
            assert_eq!(&built(cookie, number), expected, "{cookie:?} with store {number}");
        }
    }
}
