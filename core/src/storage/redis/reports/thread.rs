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
        redis::connection::{News, Node},
    },
};

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
    pub(super) fn wake(&self, keys: &[StoreKey]) {
        for key in keys {
            // A near cache may still have the session.
            if let Some(own_writes) = &self.own_writes {
                own_writes.note(key);
            }
            self.watch.changed(key);
        }
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
