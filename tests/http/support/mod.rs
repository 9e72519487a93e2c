//! What the tests share: places to keep sessions, an application that any framework can build, a client, handlers that do what
//! their path says, and a real server.
#![allow(dead_code, unused_macros, unused_imports, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

pub(crate) mod answer;
pub(crate) mod app;
pub(crate) mod client;
pub(crate) mod http2;
pub(crate) mod ids;
pub(crate) mod log;
pub(crate) mod place;
pub(crate) mod probe;
pub(crate) mod request;
pub(crate) mod script;
pub(crate) mod server;

use std::time::{Duration, Instant};

/// How long a test waits for what must happen before it gives up; nothing depends on its length.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The default cookie.
pub(crate) const NAME: &str = "__Host-Http-gsession";
/// What follows its value.
pub(crate) const ATTRIBUTES: &str = "; Path=/; Secure; HttpOnly; SameSite=Lax";
/// What follows the attributes of a cookie that is removed.
pub(crate) const REMOVED: &str = "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";

/// The key under which the storage of a [`Place`](place::Place) keeps the session that `id` opens.
pub(crate) fn key_of(id: &gsession::SessionId) -> gsession::StoreKey {
    gsession::Realm::new(NAME).key_of(id)
}

/// The line that removes the default cookie.
pub(crate) fn removal() -> String {
    format!("{NAME}={ATTRIBUTES}{REMOVED}")
}

/// Waits for a condition that must become true.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::yield_now();
    }
}
