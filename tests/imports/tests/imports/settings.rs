//! What cannot work is refused when the middleware is built, by an error that says why.

use gsession::{
    MemoryStorage, RedisStorage,
    http::{
        ConfigError,
        import::{ActixSessionCookie, Import, PeerCookie},
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
    let name = Import::new(PeerCookie::tower_sessions().name("a b"), ActixSessionCookie).until(tomorrow());
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
