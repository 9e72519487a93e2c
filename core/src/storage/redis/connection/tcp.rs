//! TCP options: small commands are sent at once, and a dead connection is noticed.

use std::time::Duration;

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};

/// How long a connection is quiet before the system checks the other end. This also keeps load balancers and firewalls from
/// dropping it: the strictest in wide use do so after a minute, AWS after 350 seconds, Azure after 4 minutes.
const QUIET: Duration = Duration::from_secs(15);
/// The interval between further checks.
const AGAIN: Duration = Duration::from_secs(5);
/// How many checks may fail before the connection is closed. On Linux the bounds below decide that instead (tcp(7)): the connection
/// is closed at the first check after that time without an answer, at the earliest 20 seconds after the last packet.
const IN_VAIN: u32 = 3;

/// The bounds of how long sent data may stay unacknowledged before the connection is closed (`TCP_USER_TIMEOUT`, RFC 5482): longer
/// than a short network failure, and no longer than anybody waits.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNCONFIRMED: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));

/// The options of every connection, to servers and to Sentinels.
pub(super) fn settings(response_timeout: Duration) -> TcpSettings {
    let keepalive = TcpKeepalive::new().with_time(QUIET);
    #[cfg(any(target_os = "linux", target_os = "macos", target_os = "windows", target_os = "freebsd"))]
    let keepalive = keepalive.with_interval(AGAIN).with_retries(IN_VAIN);
    // Nagle's algorithm would hold a command back until the one before it is acknowledged.
    let settings = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let settings = settings.set_user_timeout(response_timeout.clamp(UNCONFIRMED.0, UNCONFIRMED.1));
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = response_timeout;
    settings
}
