//! Options of the TCP sockets: small commands leave at once, and a connection that leads nowhere is noticed.

use std::time::Duration;

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};

/// How long a connection is quiet before the system looks whether the other end is still there. That keeps load balancers and
/// firewalls from forgetting it: the strictest in wide use do so after a minute, AWS after 350 seconds, Azure after 4 minutes.
const QUIET: Duration = Duration::from_secs(15);
/// How long after that it looks again.
const AGAIN: Duration = Duration::from_secs(5);
/// How often it looks in vain before the connection is broken. On Linux the bounds below decide that instead (tcp(7)): the
/// connection is broken when it looks again and has heard nothing for longer, 20 seconds after the last packet at the earliest.
const IN_VAIN: u32 = 3;

/// The bounds of how long what was sent may stay unconfirmed by the other end's system before the connection is broken
/// (`TCP_USER_TIMEOUT`, RFC 5482): not shorter than a short loss of the network, nor longer than anybody waits.
const UNCONFIRMED: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));

/// The options of every connection, to servers and to Sentinels.
pub(super) fn settings(response_timeout: Duration) -> TcpSettings {
    let keepalive = TcpKeepalive::new().with_time(QUIET);
    #[cfg(any(target_os = "linux", target_os = "macos", target_os = "windows", target_os = "freebsd"))]
    let keepalive = keepalive.with_interval(AGAIN).with_retries(IN_VAIN);
    // Nagle's algorithm would keep a command back until the one before it is confirmed.
    let settings = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let settings = settings.set_user_timeout(response_timeout.clamp(UNCONFIRMED.0, UNCONFIRMED.1));
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = response_timeout;
    settings
}
