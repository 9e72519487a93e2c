//! Asking the servers for keys, so that they report the next changes.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures::future::join_all;
use redis::Pipeline;

use super::Shared;
use crate::{
    StoreKey,
    storage::redis::{
        connection::Node,
        errors::{Failure, checked},
    },
};

/// The key of a session, and its name at the server.
type Named = (StoreKey, Arc<[u8]>);

/// After a failure, before the next try.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Keys that are asked for in one go.
const BATCH: usize = 500;

impl Shared {
    /// Asks for keys, so that their next changes are reported, and then wakes those who wait for them. If that fails, it is tried again.
    pub(super) async fn ask(self: Arc<Self>, keys: Vec<StoreKey>) {
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
