//! A free port, for servers that cannot be told "any port, and print which".

use std::net::{Ipv4Addr, TcpListener};

/// A TCP port of the loopback address that nobody listened on a moment ago.
///
/// Somebody else may take it before the server does. Prefer a server that binds port 0 itself.
#[must_use]
pub fn free() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("binding a port of the loopback address");
    listener.local_addr().expect("asking for the port that was bound").port()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_can_be_bound() {
        let port = free();
        assert_ne!(port, 0);
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port was said to be free");
    }
}
