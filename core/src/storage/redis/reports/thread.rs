//! The thread that hears the reports.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures::{
    StreamExt as _,
    channel::mpsc::UnboundedReceiver,
    future::{Either, join_all, select},
};
use redis::Pipeline;

use super::{Event, Shared};
use crate::{
    StoreKey,
    storage::{
        WATCH_INTERVAL,
        redis::{
            connection::{News, Node},
            errors::{Failure, checked},
        },
    },
};

/// The key of a session, and its name at the server.
type Named = (StoreKey, Arc<[u8]>);

/// After a failure, before the next try.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Keys that are asked for in one go.
const BATCH: usize = 500;

/// Runs on the thread, until nobody has waited for a while.
pub(super) fn run(shared: &Arc<Shared>, mut events: UnboundedReceiver<Event>) {
    let mut has_failed = false;
    loop {
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                if has_failed {
                    tracing::info!("the ends of sessions can be heard of again");
                }
                return runtime.block_on(hear(shared, events));
            }
            Err(error) if !has_failed => {
                has_failed = true;
                tracing::error!(%error, "the ends of sessions cannot be heard of now; they are looked for instead");
            }
            Err(_) => {}
        }
        // The process may be out of descriptors for a while. Until then, those who wait look for themselves.
        let Some(all) = all_so_far(shared, &mut events) else { return };
        shared.wake(&all);
        std::thread::sleep(shared.interval.min(WATCH_INTERVAL));
        if shared.may_end() {
            return;
        }
    }
}

/// Handles what the thread is told. What needs the servers is done beside it, so that a slow one holds up nobody else.
async fn hear(shared: &Arc<Shared>, mut events: UnboundedReceiver<Event>) {
    // One before may have been stopped while it tried again.
    shared.is_retrying.store(false, Ordering::SeqCst);
    shared.is_cut.store(false, Ordering::SeqCst);
    let Some(all) = all_so_far(shared, &mut events) else { return };
    ask(shared, all);
    let half = (shared.interval / 2).max(Duration::from_millis(1));
    let mut tick = pin!(tokio::time::sleep(half));
    let (mut ticks, mut idle) = (0_u64, 0);
    loop {
        let event = match select(events.next(), tick.as_mut()).await {
            Either::Left((Some(event), _)) => event,
            Either::Left((None, _)) => return,
            Either::Right(((), _)) => {
                ticks += 1;
                idle = if shared.state.inner.lock().keys.is_empty() { idle + 1 } else { 0 };
                if idle >= 2 && shared.may_end() {
                    return;
                }
                // Those who are told nothing look for themselves.
                if ticks % 2 == 0 {
                    let unreported = shared.state.inner.lock().keys.unreported();
                    shared.wake(&unreported);
                }
                beside(shared, |shared| async move { shared.check().await });
                // An interval beyond the clock's range means never.
                tick.set(tokio::time::sleep(half));
                continue;
            }
        };
        match event {
            Event::Begun(key) => {
                let mut keys = vec![key];
                let mut others = Vec::new();
                while let Ok(event) = events.try_recv() {
                    match event {
                        Event::Begun(key) => keys.push(key),
                        Event::Stop => return,
                        Event::Heard(news) => others.push(news),
                    }
                }
                ask(shared, keys);
                others.into_iter().for_each(|news| heard(shared, news));
            }
            Event::Heard(news) => heard(shared, news),
            Event::Stop => return,
        }
    }
}

/// The keys of those who have begun before anything could be heard; `None` if the storage is gone. No event says so of them again.
fn all_so_far(shared: &Shared, events: &mut UnboundedReceiver<Event>) -> Option<Vec<StoreKey>> {
    // Nobody begins meanwhile.
    let inner = shared.state.inner.lock();
    while let Ok(event) = events.try_recv() {
        if matches!(event, Event::Stop) {
            return None;
        }
    }
    Some(inner.keys.all())
}

fn heard(shared: &Arc<Shared>, news: News) {
    let mut inner = shared.state.inner.lock();
    let keys = match news {
        News::Changed(names) => inner.keys.named(&names),
        News::AllChanged => inner.keys.all(),
        News::Lost(node) => {
            let lost = inner.keys.lose(&node);
            drop(inner);
            shared.wake(&lost);
            return ask(shared, lost);
        }
    };
    drop(inner);
    ask(shared, keys);
}

fn ask(shared: &Arc<Shared>, keys: Vec<StoreKey>) {
    if !keys.is_empty() {
        beside(shared, move |shared| async move { shared.ask(keys).await });
    }
}

fn beside<F: Future<Output = ()> + Send + 'static>(shared: &Arc<Shared>, work: impl FnOnce(Arc<Shared>) -> F) {
    tokio::spawn(work(Arc::clone(shared)));
}

impl Shared {
    /// Ends the thread, unless somebody waits again.
    fn may_end(&self) -> bool {
        let mut inner = self.state.inner.lock();
        let is_idle = inner.keys.is_empty();
        if is_idle {
            inner.thread = None;
        }
        is_idle
    }

    /// Wakes those who wait at these keys.
    fn wake(&self, keys: &[StoreKey]) {
        for key in keys {
            // A near cache may still have the session.
            if let Some(own_writes) = &self.own_writes {
                own_writes.note(key);
            }
            self.watch.changed(key);
        }
    }

    /// Asks for keys, so that their next changes are reported, and then wakes those who wait for them. If that fails, it is tried again.
    async fn ask(self: Arc<Self>, keys: Vec<StoreKey>) {
        let are_all_reported = self.ask_once(keys).await;
        if are_all_reported || self.is_retrying.swap(true, Ordering::SeqCst) {
            return;
        }
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min((self.interval / 2).max(FIRST_PAUSE));
            let cut_off = self.state.inner.lock().keys.cut_off();
            // If all were given up, nobody knows whether the servers are back.
            let is_back = !cut_off.is_empty();
            if !self.ask_once(cut_off).await {
                continue;
            }
            if self.is_cut.swap(false, Ordering::SeqCst) && is_back {
                tracing::info!("the Redis servers report the ends of sessions again");
            }
            self.is_retrying.store(false, Ordering::SeqCst);
            // Others may have failed meanwhile, and relied on this.
            if self.state.inner.lock().keys.cut_off().is_empty() || self.is_retrying.swap(true, Ordering::SeqCst) {
                return;
            }
        }
    }

    /// Returns whether the changes of all keys are reported now.
    async fn ask_once(&self, keys: Vec<StoreKey>) -> bool {
        let named: Vec<Named> = {
            let inner = self.state.inner.lock();
            // Some may have been given up.
            keys.into_iter().filter_map(|key| Some((key, inner.keys.name(&key)?))).collect()
        };
        let mut by_node: HashMap<Box<str>, (Arc<Node>, Vec<Named>)> = HashMap::new();
        let mut failed: Vec<StoreKey> = Vec::new();
        let mut failure = None;
        for (key, name) in named {
            match self.servers.node_of(&name).await {
                Ok(node) => by_node.entry(node.name().into()).or_insert_with(|| (node, Vec::new())).1.push((key, name)),
                Err(error) => {
                    failed.push(key);
                    failure = Some(error);
                }
            }
        }
        let batches = by_node.values().flat_map(|(node, keys)| keys.chunks(BATCH).map(move |keys| (node, keys)));
        let answers = join_all(batches.map(|(node, keys)| self.ask_node(node, keys))).await;
        let mut changed = Vec::new();
        for answer in answers {
            changed.extend(answer.reported);
            failed.extend(answer.failed);
            failure = answer.failure.or(failure);
        }
        let is_complete = failed.is_empty();
        if !is_complete {
            let mut inner = self.state.inner.lock();
            changed.extend(failed.into_iter().filter(|key| inner.keys.set_cut_off(key)));
        }
        if let Some(failure) = failure
            && !self.is_cut.swap(true, Ordering::SeqCst)
        {
            let error = failure.while_doing("watching sessions in Redis");
            let (error, interval) = (&error as &dyn std::error::Error, self.interval);
            tracing::warn!(
                error,
                ?interval,
                "the ends of sessions are not reported now; they are looked for at this interval"
            );
        }
        self.wake(&changed);
        is_complete
    }

    async fn ask_node(&self, node: &Arc<Node>, keys: &[Named]) -> Asked {
        let mut questions = Pipeline::with_capacity(keys.len());
        questions.ignore_errors();
        for (_, name) in keys {
            questions.cmd("EXISTS").arg(&**name);
        }
        let losses = self.state.losses.load(Ordering::SeqCst);
        let answers = self.servers.ask_node(node, &questions).await;
        let mut asked = Asked::default();
        let answers = match answers {
            Ok(answers) if answers.len() == keys.len() => answers,
            Ok(_) => return asked.all_failed(keys, Failure::Shape { node: node.name().into() }),
            Err(failure) => {
                self.servers.doubt(node);
                return asked.all_failed(keys, failure);
            }
        };
        if self.state.losses.load(Ordering::SeqCst) != losses {
            // It may have been this connection, and then nothing is reported.
            asked.failed.extend(keys.iter().map(|(key, _)| *key));
            return asked;
        }
        let mut inner = self.state.inner.lock();
        for ((key, _), answer) in keys.iter().zip(answers) {
            match checked(answer) {
                Ok(_) => {
                    inner.keys.set_reported(key, node);
                    asked.reported.push(*key);
                }
                Err(error) => {
                    // In a cluster, it may be on another node by now.
                    self.servers.doubt(node);
                    asked.failed.push(*key);
                    asked.failure = Some(Failure::refused(node.name(), &error));
                }
            }
        }
        asked
    }

    /// Tests the connections, and whether the keys are still where they were.
    async fn check(self: Arc<Self>) {
        let reported = self.state.inner.lock().keys.reported();
        let mut nodes: HashMap<Box<str>, Arc<Node>> = HashMap::new();
        let mut moved = Vec::new();
        for (key, name, node) in reported {
            match self.servers.node_of(&name).await {
                Ok(now) if now.name() != node.name() => moved.push(key),
                Ok(_) | Err(_) => drop(nodes.insert(node.name().into(), node)),
            }
        }
        if !moved.is_empty() {
            beside(&self, |shared| async move { shared.ask(moved).await });
        }
        let tests = nodes.values().map(|node| async {
            let mut ping = Pipeline::with_capacity(1);
            ping.cmd("PING");
            if self.servers.ask_node(node, &ping).await.is_err() {
                self.servers.doubt(node);
                self.state.tell(Event::Heard(News::Lost(node.name().into())));
            }
        });
        join_all(tests).await;
    }
}

/// What became of keys that a node was asked for.
#[derive(Default)]
struct Asked {
    reported: Vec<StoreKey>,
    failed: Vec<StoreKey>,
    failure: Option<Failure>,
}

impl Asked {
    fn all_failed(mut self, keys: &[Named], failure: Failure) -> Self {
        self.failed.extend(keys.iter().map(|(key, _)| *key));
        self.failure = Some(failure);
        self
    }
}
