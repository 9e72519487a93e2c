//! A browser that another library has logged in, and the server on gsession that comes after.

use gsession::{
    Clock as _, SystemClock, Timestamp,
    http::import::{ActixSessionCookie, ActixSessionRedis, Converted, Import, PeerCookie, PeerSession},
};
use gsession_imports::{client::Client, peers::ActixPeer, place::Place};

/// The name of the other library's cookie.
pub(crate) const PEER: &str = "id";
/// What `/data` shows of a session that was taken over whole.
pub(crate) const DATA: &str = r#"{"cart":["tea","milk"],"user":"ada","visits":3}"#;

/// When the import of cookies ends.
pub(crate) fn tomorrow() -> Timestamp {
    SystemClock.now() + std::time::Duration::from_secs(24 * 60 * 60)
}

/// Who is logged in, and everything else as it is.
pub(crate) fn with_principal(session: PeerSession) -> Option<Converted> {
    let user = session.values.get("user")?.as_str()?.to_owned();
    Some(Converted::from(session).principal(user))
}

/// What takes over the sessions in the cookies of this peer.
pub(crate) fn of_cookies(peer: &ActixPeer) -> Import {
    Import::new(PeerCookie::actix_session(&peer.key).secure(false), ActixSessionCookie)
        .until(tomorrow())
        .convert(with_principal)
}

/// What takes over the sessions of this peer in Redis.
pub(crate) fn of_redis(peer: &ActixPeer, url: &str) -> Import {
    let store = ActixSessionRedis::open(url).unwrap();
    Import::new(PeerCookie::actix_session(&peer.key).secure(false), store).convert(with_principal)
}

/// A browser that this server has logged in.
pub(crate) fn logged_in(place: &Place) -> Client {
    let mut client = Client::new(place.address());
    assert_eq!(client.text("/login"), "ok");
    assert_eq!(client.text("/whoami"), "ada");
    client
}
