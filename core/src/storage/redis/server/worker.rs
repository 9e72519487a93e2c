//! Connections of the async face: each thread has its own, shared by the requests that it serves, so that a command never
//! crosses threads.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::lock::Mutex as AsyncMutex;
use parking_lot::Mutex;
use redis::{AsyncConnectionConfig, Cmd, Pipeline, PushInfo, PushKind, RedisResult, Value, aio::MultiplexedConnection};
use thread_local::ThreadLocal;
use tokio::runtime::{Handle, Id};

use super::{
    backoff::Backoff,
    failure::Failure,
    link::{Dialer, Link, Probed, checked},
    node::Node,
    pulse::Pulse,
};
use crate::storage::redis::near::{Cache, NearCache, Writes};

/// The connections of all threads.
pub(in crate::storage::redis) struct AsyncDialer {
    threads: ThreadLocal<Mutex<Vec<Arc<Place>>>>,
    near: Option<(NearCache, Arc<Writes>)>,
}

/// A thread's place for the connection to one node.
struct Place {
    node: Arc<Node>,
    /// A connection is driven by the runtime in which it was made, and by no other.
    runtime: Id,
    state: Mutex<State>,
    /// One request connects, the others wait for it.
    connecting: AsyncMutex<()>,
}

#[derive(Default)]
struct State {
    link: Option<AsyncLink>,
    backoff: Backoff,
}

/// A share in a connection.
#[derive(Clone)]
pub(in crate::storage::redis) struct AsyncLink {
    connection: MultiplexedConnection,
    life: Weak<Life>,
    pulse: Arc<Pulse>,
    is_reused: bool,
    near: Option<NearLink>,
}

/// The near cache of a connection.
#[derive(Clone)]
pub(in crate::storage::redis) struct NearLink {
    pub(in crate::storage::redis) cache: Arc<Cache>,
    pub(in crate::storage::redis) writes: Arc<Writes>,
}

/// Held by the task that drives a connection, and gone with it.
#[derive(Default)]
struct Life {
    broken: AtomicBool,
    confirmed: AtomicBool,
    cache: Option<Arc<Cache>>,
}

impl Life {
    /// What the server, or the end of the connection, has to say besides answers.
    fn hear(&self, info: &PushInfo) {
        match info.kind {
            PushKind::Disconnection => self.broken.store(true, Ordering::SeqCst),
            PushKind::Invalidate => {
                let Some(cache) = &self.cache else { return };
                match info.data.first() {
                    Some(Value::Array(keys)) => {
                        for key in keys {
                            if let Value::BulkString(key) = key {
                                cache.invalidate(key);
                            }
                        }
                    }
                    // Instead of a list: the database was flushed.
                    _ => cache.clear(),
                }
            }
            _ => {}
        }
    }
}

impl AsyncLink {
    fn is_sound(&self) -> bool {
        self.life.upgrade().is_some_and(|life| !life.broken.load(Ordering::SeqCst))
    }

    fn is(&self, other: &Self) -> bool {
        Weak::ptr_eq(&self.life, &other.life)
    }

    pub(in crate::storage::redis) const fn near(&self) -> Option<&NearLink> {
        self.near.as_ref()
    }

    /// Whether it has to be tried out before it is used.
    fn is_idle(&self, node: &Node) -> bool {
        self.pulse.is_idle(node.probe_after, node.response_timeout)
    }

    /// Does not count as being waited for: others shall not take the connection for sound before this has shown that it is.
    async fn try_out(&mut self, node: &Node) -> Probed {
        let ping = redis::cmd("PING");
        match tokio::time::timeout(node.probe_timeout, self.ask(&ping)).await {
            Ok(answer) => Probed::of(answer),
            Err(_) => Probed::Silent,
        }
    }

    async fn ask(&mut self, command: &Cmd) -> RedisResult<Value> {
        let sent_at = self.near.as_ref().map(|near| near.writes.now());
        let answer = self.connection.send_packed_command(command).await;
        self.prove(sent_at, answer.is_ok());
        answer.and_then(checked)
    }

    /// An answer to a command that was sent at this time has come, or not.
    fn prove(&self, sent_at: Option<u64>, is_answered: bool) {
        if is_answered {
            self.pulse.heard();
        }
        if let (Some(near), Some(sent_at), true) = (&self.near, sent_at, is_answered) {
            near.cache.prove(sent_at);
        }
    }
}

impl Link for AsyncLink {
    fn is_confirmed(&self) -> bool {
        self.life.upgrade().is_some_and(|life| life.confirmed.load(Ordering::SeqCst))
    }

    fn confirm(&mut self) {
        if let Some(life) = self.life.upgrade() {
            life.confirmed.store(true, Ordering::SeqCst);
        }
    }

    fn is_reused(&self) -> bool {
        self.is_reused
    }

    async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        let pulse = Arc::clone(&self.pulse);
        let _waiting = pulse.wait();
        self.ask(command).await
    }

    async fn send_all(&mut self, commands: &Pipeline) -> RedisResult<Vec<Value>> {
        let _waiting = self.pulse.wait();
        let sent_at = self.near.as_ref().map(|near| near.writes.now());
        let answers = self.connection.send_packed_commands(commands, 0, commands.len()).await;
        self.prove(sent_at, answers.is_ok());
        answers
    }
}

impl Place {
    /// The connection, if it is sound.
    fn sound(&self) -> Option<AsyncLink> {
        let mut state = self.state.lock();
        if state.link.as_ref().is_some_and(|link| !link.is_sound()) {
            state.link = None;
        }
        state.link.clone()
    }

    /// Gives the connection up for others, if it is still this one.
    fn let_go(&self, link: &AsyncLink) {
        let mut state = self.state.lock();
        if state.link.as_ref().is_some_and(|held| held.is(link)) {
            state.link = None;
        }
    }

    async fn connect(&self, near: Option<&(NearCache, Arc<Writes>)>) -> RedisResult<AsyncLink> {
        let near = near
            .filter(|_| self.node.is_tracked)
            .map(|(settings, writes)| NearLink { cache: Arc::new(Cache::new(*settings)), writes: Arc::clone(writes) });
        let life = Arc::new(Life { cache: near.as_ref().map(|near| Arc::clone(&near.cache)), ..Life::default() });
        let weak = Arc::downgrade(&life);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.node.connect_timeout))
            .set_response_timeout(Some(self.node.response_timeout))
            // As many as a busy thread may have in flight; more have to wait.
            .set_pipeline_buffer_size(1024)
            .set_push_sender(move |info: PushInfo| {
                life.hear(&info);
                Ok::<(), std::convert::Infallible>(())
            });
        let connection = self.node.client().get_multiplexed_async_connection_with_config(&config).await?;
        let mut link = AsyncLink { connection, life: weak, pulse: Arc::new(Pulse::new()), is_reused: false, near };
        if let Some(select) = self.node.select() {
            link.send(&select).await?;
        }
        if let Some(tracking) = self.node.tracking() {
            link.send(&tracking).await?;
        }
        Ok(link)
    }
}

impl AsyncDialer {
    pub(in crate::storage::redis) fn new(near: Option<NearCache>) -> Self {
        Self { threads: ThreadLocal::new(), near: near.map(|settings| (settings, Arc::new(Writes::new()))) }
    }

    /// What this process has written, if there is a near cache that has to know.
    pub(in crate::storage::redis) fn writes(&self) -> Option<&Writes> {
        self.near.as_ref().map(|(_, writes)| &**writes)
    }

    fn place(&self, node: &Arc<Node>) -> Result<Arc<Place>, Failure> {
        let runtime = Handle::try_current().map_err(|_| Failure::NoRuntime)?.id();
        let mut places = self.threads.get_or_default().lock();
        if let Some(place) = places.iter().find(|place| Arc::ptr_eq(&place.node, node) && place.runtime == runtime) {
            return Ok(Arc::clone(place));
        }
        // A runtime that has ended, or a node that is none any more, leaves nothing behind.
        places.retain(|place| {
            let is_this = place.runtime == runtime && place.node.name() == node.name();
            !is_this && place.state.lock().link.as_ref().is_some_and(AsyncLink::is_sound)
        });
        let place = Arc::new(Place {
            node: Arc::clone(node),
            runtime,
            state: Mutex::default(),
            connecting: AsyncMutex::new(()),
        });
        places.push(Arc::clone(&place));
        Ok(place)
    }

    /// This thread's near cache of `node`, if it is connected.
    pub(in crate::storage::redis) fn near(&self, node: &Arc<Node>) -> Option<NearLink> {
        self.near.as_ref()?;
        self.place(node).ok()?.sound()?.near
    }
}

impl Dialer for AsyncDialer {
    type Link = AsyncLink;

    async fn link(&self, node: &Arc<Node>) -> Result<AsyncLink, Failure> {
        let place = self.place(node)?;
        if let Some(link) = place.sound().filter(|link| !link.is_idle(node)) {
            return Ok(link);
        }
        let _one_at_a_time = place.connecting.lock().await;
        let mut silent = None;
        if let Some(mut link) = place.sound() {
            if !link.is_idle(node) {
                return Ok(link);
            }
            match link.try_out(node).await {
                Probed::Answers => return Ok(link),
                Probed::Silent => silent = Some(link),
                Probed::Broken => place.let_go(&link),
            }
        }
        let refusal = place.state.lock().backoff.refusal();
        let is_refused = refusal.is_some();
        let connected = match refusal {
            Some(failure) => Err(failure),
            None => place.connect(self.near.as_ref()).await.map_err(|error| Failure::connect(node, &error)),
        };
        match (connected, silent) {
            (Ok(link), _) => {
                let kept = AsyncLink { is_reused: true, ..link.clone() };
                *place.state.lock() = State { link: Some(kept), ..State::default() };
                Ok(link)
            }
            // The server is slow, and not this connection dead. That no new one could be made is not noted: this one stays.
            (Err(failure), Some(link)) if failure.is_timeout() => Ok(AsyncLink { is_reused: false, ..link }),
            (Err(failure), silent) => {
                if let Some(link) = silent {
                    place.let_go(&link);
                }
                if !is_refused {
                    place.state.lock().backoff.failed(failure.clone());
                }
                Err(failure)
            }
        }
    }

    fn put_back(&self, _node: &Arc<Node>, link: AsyncLink) {
        drop(link);
    }

    fn discard(&self, node: &Arc<Node>, link: AsyncLink) {
        if let Ok(place) = self.place(node) {
            place.let_go(&link);
        }
    }

    async fn pause(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
