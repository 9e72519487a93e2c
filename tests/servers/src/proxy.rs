//! A TCP proxy in front of a server, to count what passes, and to let it pass or not: also as a load balancer does that has
//! forgotten its idle connections.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::wait;

/// A proxy on a port of its own. Dropping it closes everything.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    is_closed: AtomicBool,
    accepted: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    round_trips: AtomicU64,
}

/// A client's connection and the one to the server that belongs to it.
#[derive(Debug)]
struct Pair {
    client: TcpStream,
    server: TcpStream,
    /// Whatever is sent vanishes, and nobody is told, not even of an end.
    is_forgotten: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct State {
    connections: Vec<Pair>,
    refuses: bool,
    stalls: bool,
    holds_replies: bool,
    swallows_replies: bool,
    /// Replies that have come and wait here, or were cut off while they did.
    held: u64,
    /// Whether the last bytes that passed were a client's.
    client_spoke_last: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until bytes of this direction may pass; `false` if they shall vanish.
    fn may_pass(&self, from_client: bool) -> bool {
        let mut state = self.state();
        if state.holds_replies && !from_client {
            state.held += 1;
            self.changed.notify_all();
        }
        while state.stalls || (state.holds_replies && !from_client) {
            if self.is_closed.load(Ordering::SeqCst) {
                return false;
            }
            state =
                self.changed.wait_timeout(state, Duration::from_millis(100)).unwrap_or_else(PoisonError::into_inner).0;
        }
        if !from_client && state.client_spoke_last {
            self.round_trips.fetch_add(1, Ordering::SeqCst);
        }
        state.client_spoke_last = from_client;
        from_client || !state.swallows_replies
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream, from_client: bool, is_forgotten: &AtomicBool) {
        let counter = if from_client { &self.sent } else { &self.received };
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if is_forgotten.load(Ordering::SeqCst) {
                continue;
            }
            // Counted before it passes, so that who has the answer sees it counted.
            let passes = self.may_pass(from_client);
            counter.fetch_add(length as u64, Ordering::SeqCst);
            if passes && to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        if is_forgotten.load(Ordering::SeqCst) {
            return;
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}

impl Proxy {
    /// A proxy in front of a port of the loopback address.
    ///
    /// # Panics
    ///
    /// When there is no port left.
    #[must_use]
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        let shared = Arc::new(Shared::default());
        let (accepting, serving) = (listener, Arc::clone(&shared));
        thread::spawn(move || {
            for client in accepting.incoming() {
                if serving.is_closed.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(client) = client else { continue };
                if serving.state().refuses {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let (Ok(client_too), Ok(server_too)) = (client.try_clone(), server.try_clone()) else { continue };
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                let (Ok(kept), Ok(kept_too)) = (client.try_clone(), server.try_clone()) else { continue };
                let is_forgotten = Arc::new(AtomicBool::new(false));
                let pair = Pair { client: kept, server: kept_too, is_forgotten: Arc::clone(&is_forgotten) };
                serving.state().connections.push(pair);
                serving.accepted.fetch_add(1, Ordering::SeqCst);
                let (there, back, also) = (Arc::clone(&serving), Arc::clone(&serving), Arc::clone(&is_forgotten));
                thread::spawn(move || there.carry(client, server, true, &is_forgotten));
                thread::spawn(move || back.carry(server_too, client_too, false, &also));
            }
        });
        Self { port, shared }
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL to reach the server through it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.state());
        self.shared.changed.notify_all();
    }

    /// Closes all connections.
    pub fn cut(&self) {
        self.set(|state| {
            for pair in state.connections.drain(..) {
                let _ = (pair.client.shutdown(Shutdown::Both), pair.server.shutdown(Shutdown::Both));
            }
        });
    }

    /// Forgets the connections that stand now, as a load balancer does with idle ones: whatever is sent over them vanishes, in
    /// both directions, and nobody is told. New connections work.
    pub fn forget(&self) {
        self.set(|state| {
            for pair in &state.connections {
                pair.is_forgotten.store(true, Ordering::SeqCst);
            }
        });
    }

    /// Whether new connections are closed at once.
    pub fn refuse(&self, refuses: bool) {
        self.set(|state| state.refuses = refuses);
    }

    /// Whether nothing passes any more, although all connections stay open.
    pub fn stall(&self, stalls: bool) {
        self.set(|state| state.stalls = stalls);
    }

    /// Whether answers wait here; requests pass.
    pub fn hold_replies(&self, holds: bool) {
        self.set(|state| (state.holds_replies, state.held) = (holds, 0));
    }

    /// Waits until so many answers have come since [`hold_replies`](Self::hold_replies) holds them.
    ///
    /// # Panics
    ///
    /// When they do not come.
    pub fn wait_for_held(&self, count: u64) {
        wait::until("answers at the proxy", || (self.shared.state().held >= count).then_some(()));
    }

    /// Whether answers vanish; requests pass.
    pub fn swallow_replies(&self, swallows: bool) {
        self.set(|state| state.swallows_replies = swallows);
    }

    /// How many connections have been made.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// How often an answer has come after a request. Several requests answered together are one round trip.
    #[must_use]
    pub fn round_trips(&self) -> u64 {
        self.shared.round_trips.load(Ordering::SeqCst)
    }

    /// Bytes that clients have sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::SeqCst)
    }

    /// Bytes that the server has sent.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.shared.received.load(Ordering::SeqCst)
    }

    /// Counts from 0 again.
    pub fn reset(&self) {
        let shared = &self.shared;
        for counter in [&shared.accepted, &shared.round_trips, &shared.sent, &shared.received] {
            counter.store(0, Ordering::SeqCst);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_closed.store(true, Ordering::SeqCst);
        self.cut();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}
