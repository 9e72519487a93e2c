//! Ports that nobody listens on.

use std::{
    net::TcpListener,
    process,
    sync::atomic::{AtomicU64, Ordering},
};

/// Ports below the range from which the system takes the ports of outgoing connections, and of a cluster's second port.
const FIRST: u16 = 10_000;
const COUNT: u16 = 12_000;
/// How far above its port a cluster's node listens for the other nodes.
const SECOND: u16 = 10_000;

/// A port of the loopback address that is free now. It may be taken a moment later.
pub(crate) fn free() -> u16 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    for _ in 0..COUNT {
        // Other processes shall look elsewhere.
        let number = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_mul(7919).wrapping_add(u64::from(process::id()));
        let port = FIRST + u16::try_from(number % u64::from(COUNT)).unwrap_or_default();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && TcpListener::bind(("127.0.0.1", port + SECOND)).is_ok() {
            return port;
        }
    }
    panic!("no port from {FIRST} to {} is free, together with the one {SECOND} above it", FIRST + COUNT - 1);
}
