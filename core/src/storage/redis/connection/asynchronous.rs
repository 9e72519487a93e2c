//! Async connections: each thread has one to each node, shared by the requests of the thread, so that a command never crosses
//! threads.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicBool, Ordering},
};

use futures::lock::Mutex as AsyncMutex;
use parking_lot::Mutex;
use redis::{AsyncConnectionConfig, Cmd, PushInfo, PushKind, RedisResult, Value, aio::MultiplexedConnection};
use thread_local::ThreadLocal;
use tokio::runtime::{Handle, Id};

use super::{
    backoff::Backoff,
    idle::{Activity, Probe},
    news::{Listener, Listening},
    node::Node,
};
use crate::storage::redis::{
    errors::{Failure, checked},
    near_cache::{Cache, NearCache, OwnWrites},
};

pub(crate) struct AsyncPool {
    threads: ThreadLocal<Mutex<Vec<Arc<Place>>>>,
    near_cache: Option<(NearCache, Arc<OwnWrites>)>,
    /// Hears what the connections report, if anybody does.
    listener: Option<Listener>,
}

/// A thread's place for its connection to a node.
struct Place {
    node: Arc<Node>,
    /// A connection is driven by the runtime in which it was made.
    runtime: Id,
    state: Mutex<State>,
    /// One request connects; the others wait for it.
    connecting: AsyncMutex<()>,
}

#[derive(Default)]
struct State {
    connection: Option<AsyncConnection>,
    backoff: Backoff,
}

/// A share of a connection.
#[derive(Clone)]
pub(crate) struct AsyncConnection {
    pub(super) connection: MultiplexedConnection,
    life: Weak<Life>,
    pub(super) activity: Arc<Activity>,
    pub(super) is_reused: bool,
    pub(super) near_cache: Option<Arc<Cache>>,
}

/// Owned by the task that drives a connection, and dropped with it.
#[derive(Default)]
struct Life {
    is_broken: AtomicBool,
    is_confirmed: AtomicBool,
    has_no_replace: AtomicBool,
    near_cache: Option<Arc<Cache>>,
    listening: Option<Listening>,
}

impl Life {
    /// Handles what the server sends besides answers, and the end of the connection.
    fn handle_push(&self, info: &PushInfo) {
        if let (PushKind::Invalidate, Some(listening)) = (&info.kind, &self.listening) {
            listening.invalidated(info.data.first());
        }
        match (&info.kind, &self.near_cache) {
            (PushKind::Disconnection, _) => self.is_broken.store(true, Ordering::SeqCst),
            (PushKind::Invalidate, Some(cache)) => match info.data.first() {
                Some(Value::Array(keys)) => {
                    for key in keys {
                        if let Value::BulkString(key) = key {
                            cache.invalidate(key);
                        }
                    }
                }
                // No list: the database was flushed.
                _ => cache.clear(),
            },
            _ => {}
        }
    }
}

impl AsyncConnection {
    async fn open(node: &Node, near_cache: Option<Arc<Cache>>, listener: Option<Listener>) -> RedisResult<Self> {
        let listening = listener.map(|listener| Listening { node: node.name().into(), listener });
        let tracking = node.tracking(near_cache.is_some() || listening.is_some());
        let life = Arc::new(Life { near_cache: near_cache.clone(), listening, ..Life::default() });
        let weak = Arc::downgrade(&life);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(node.connect_timeout))
            .set_response_timeout(Some(node.response_timeout))
            // As many as a busy thread may have in flight; more have to wait.
            .set_pipeline_buffer_size(1024)
            .set_push_sender(move |info: PushInfo| {
                life.handle_push(&info);
                Ok::<(), std::convert::Infallible>(())
            });
        let connection = node.client().get_multiplexed_async_connection_with_config(&config).await?;
        let activity = Arc::new(Activity::new());
        let mut opened = Self { connection, life: weak, activity, is_reused: false, near_cache };
        for command in [node.select(), tracking].into_iter().flatten() {
            opened.exchange(&command).await?;
        }
        Ok(opened)
    }

    fn is_sound(&self) -> bool {
        self.life.upgrade().is_some_and(|life| !life.is_broken.load(Ordering::SeqCst))
    }

    pub(super) fn is_confirmed(&self) -> bool {
        self.life.upgrade().is_some_and(|life| life.is_confirmed.load(Ordering::SeqCst))
    }

    pub(super) fn confirm(&self) {
        if let Some(life) = self.life.upgrade() {
            life.is_confirmed.store(true, Ordering::SeqCst);
        }
    }

    pub(super) fn knows_replace(&self) -> bool {
        !self.life.upgrade().is_some_and(|life| life.has_no_replace.load(Ordering::Relaxed))
    }

    pub(super) fn note_no_replace(&self) {
        if let Some(life) = self.life.upgrade() {
            life.has_no_replace.store(true, Ordering::Relaxed);
        }
    }

    fn is_idle(&self, node: &Node) -> bool {
        self.activity.is_idle(node.probe_after, node.response_timeout)
    }

    async fn probe(&mut self, node: &Node) -> Probe {
        match tokio::time::timeout(node.probe_timeout, self.exchange(&redis::cmd("PING"))).await {
            Ok(answer) => Probe::of(answer),
            Err(_) => Probe::Silent,
        }
    }

    /// Sends a command without counting as waiting for its answer: others must not take the connection for sound before this
    /// has shown that it is.
    async fn exchange(&mut self, command: &Cmd) -> RedisResult<Value> {
        let sent_at = self.time();
        let answer = self.connection.send_packed_command(command).await;
        self.note(sent_at, answer.is_ok());
        answer.and_then(checked)
    }

    /// The time on the near cache's clock.
    pub(super) fn time(&self) -> Option<u64> {
        self.near_cache.as_ref().map(|cache| cache.time())
    }

    /// Records that a command sent at this time was answered.
    pub(super) fn note(&self, sent_at: Option<u64>, is_answered: bool) {
        if !is_answered {
            return;
        }
        self.activity.note_answer();
        if let (Some(cache), Some(sent_at)) = (&self.near_cache, sent_at) {
            cache.prove(sent_at);
        }
    }
}

impl Place {
    /// The connection, if it is sound.
    fn connection(&self) -> Option<AsyncConnection> {
        let mut state = self.state.lock();
        if state.connection.as_ref().is_some_and(|connection| !connection.is_sound()) {
            state.connection = None;
        }
        state.connection.clone()
    }

    /// Drops the connection, if it still is this one.
    fn discard(&self, connection: &AsyncConnection) {
        let mut state = self.state.lock();
        if state.connection.as_ref().is_some_and(|kept| Weak::ptr_eq(&kept.life, &connection.life)) {
            state.connection = None;
        }
    }
}

impl AsyncPool {
    pub(super) fn new(near_cache: Option<(NearCache, Arc<OwnWrites>)>, listener: Option<Listener>) -> Self {
        Self { threads: ThreadLocal::new(), near_cache, listener }
    }

    /// See [`Connections::connect`](super::Connections::connect).
    pub(super) async fn connect(&self, node: &Arc<Node>) -> Result<AsyncConnection, Failure> {
        let place = self.place(node)?;
        if let Some(connection) = place.connection().filter(|connection| !connection.is_idle(node)) {
            return Ok(connection);
        }
        let _one_at_a_time = place.connecting.lock().await;
        let mut silent = None;
        if let Some(mut connection) = place.connection() {
            if !connection.is_idle(node) {
                return Ok(connection);
            }
            match connection.probe(node).await {
                Probe::Answered => return Ok(connection),
                Probe::Silent => silent = Some(connection),
                Probe::Broken => place.discard(&connection),
            }
        }
        let refusal = place.state.lock().backoff.refusal();
        let is_refused = refusal.is_some();
        let connected = match refusal {
            Some(failure) => Err(failure),
            None => {
                let listener = self.listener.clone().filter(|_| node.keeps_sessions);
                let opened = AsyncConnection::open(node, self.new_cache(node), listener).await;
                opened.map_err(|error| node.connect_failure(&error))
            }
        };
        match (connected, silent) {
            (Ok(connection), _) => {
                let kept = AsyncConnection { is_reused: true, ..connection.clone() };
                *place.state.lock() = State { connection: Some(kept), ..State::default() };
                Ok(connection)
            }
            // No failure is noted: the old connection stays.
            (Err(failure), Some(silent)) if failure.is_timeout() => Ok(AsyncConnection { is_reused: false, ..silent }),
            (Err(failure), silent) => {
                if let Some(silent) = silent {
                    place.discard(&silent);
                }
                if !is_refused {
                    place.state.lock().backoff.failed(failure.clone());
                }
                Err(failure)
            }
        }
    }

    pub(super) fn discard(&self, node: &Arc<Node>, connection: &AsyncConnection) {
        if let Ok(place) = self.place(node) {
            place.discard(connection);
        }
    }

    pub(super) fn near_cache(&self, node: &Arc<Node>) -> Option<Arc<Cache>> {
        self.near_cache.as_ref()?;
        self.place(node).ok()?.connection()?.near_cache
    }

    /// The near cache of a new connection.
    fn new_cache(&self, node: &Node) -> Option<Arc<Cache>> {
        let (settings, own_writes) = self.near_cache.as_ref().filter(|_| node.keeps_sessions)?;
        Some(Arc::new(Cache::new(*settings, Arc::clone(own_writes))))
    }

    fn place(&self, node: &Arc<Node>) -> Result<Arc<Place>, Failure> {
        let runtime = Handle::try_current().map_err(|_| Failure::NoRuntime)?.id();
        let mut places = self.threads.get_or_default().lock();
        if let Some(place) = places.iter().find(|place| Arc::ptr_eq(&place.node, node) && place.runtime == runtime) {
            return Ok(Arc::clone(place));
        }
        // Remove what runtimes that have ended and nodes that have left the cluster leave behind.
        places.retain(|place| {
            let is_this = place.runtime == runtime && place.node.name() == node.name();
            !is_this && place.state.lock().connection.as_ref().is_some_and(AsyncConnection::is_sound)
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
}
