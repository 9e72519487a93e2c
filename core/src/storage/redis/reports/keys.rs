//! The keys of the sessions for which somebody waits, and whether their changes are reported.

use std::{collections::HashMap, sync::Arc};

use crate::{StoreKey, storage::redis::connection::Node};

#[derive(Default)]
pub(super) struct Keys {
    keys: HashMap<StoreKey, Key>,
    by_name: HashMap<Arc<[u8]>, StoreKey>,
}

struct Key {
    name: Arc<[u8]>,
    standing: Standing,
}

enum Standing {
    /// The node reports the next change.
    Reported(Arc<Node>),
    /// It was not asked for yet.
    New,
    /// It was asked for in vain, or the connection was lost.
    CutOff,
}

impl Keys {
    pub(super) fn begin(&mut self, key: StoreKey, name: Vec<u8>) {
        let name: Arc<[u8]> = name.into();
        self.by_name.insert(Arc::clone(&name), key);
        self.keys.insert(key, Key { name, standing: Standing::New });
    }

    /// The server need not be told: what it reports of the key once more leads to nobody.
    pub(super) fn end(&mut self, key: &StoreKey) {
        if let Some(key) = self.keys.remove(key) {
            self.by_name.remove(&key.name);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn all(&self) -> Vec<StoreKey> {
        self.keys.keys().copied().collect()
    }

    pub(super) fn name(&self, key: &StoreKey) -> Option<Arc<[u8]>> {
        Some(Arc::clone(&self.keys.get(key)?.name))
    }

    pub(super) fn named(&self, names: &[Vec<u8>]) -> Vec<StoreKey> {
        names.iter().filter_map(|name| self.by_name.get(name.as_slice())).copied().collect()
    }

    /// Those that were asked for in vain, or whose connection was lost.
    pub(super) fn cut_off(&self) -> Vec<StoreKey> {
        let is_cut_off = |key: &Key| matches!(key.standing, Standing::CutOff);
        self.keys.iter().filter(|(_, key)| is_cut_off(key)).map(|(key, _)| *key).collect()
    }

    /// Those whose changes nobody reports.
    pub(super) fn unreported(&self) -> Vec<StoreKey> {
        let is_unreported = |key: &Key| matches!(key.standing, Standing::New | Standing::CutOff);
        self.keys.iter().filter(|(_, key)| is_unreported(key)).map(|(key, _)| *key).collect()
    }

    /// Those whose changes a node reports, with the node.
    pub(super) fn reported(&self) -> Vec<(StoreKey, Arc<[u8]>, Arc<Node>)> {
        let reported = |(key, known): (&StoreKey, &Key)| match &known.standing {
            Standing::Reported(node) => Some((*key, Arc::clone(&known.name), Arc::clone(node))),
            Standing::New | Standing::CutOff => None,
        };
        self.keys.iter().filter_map(reported).collect()
    }

    /// The changes of a key are reported from now on.
    pub(super) fn set_reported(&mut self, key: &StoreKey, node: &Arc<Node>) {
        if let Some(key) = self.keys.get_mut(key) {
            key.standing = Standing::Reported(Arc::clone(node));
        }
    }

    /// The changes of a key are not reported any more. Returns whether that is news.
    pub(super) fn set_cut_off(&mut self, key: &StoreKey) -> bool {
        self.keys.get_mut(key).is_some_and(|key| {
            let is_news = !matches!(key.standing, Standing::CutOff);
            key.standing = Standing::CutOff;
            is_news
        })
    }

    /// The connection to a node is lost. Returns the keys that it had.
    pub(super) fn lose(&mut self, node: &str) -> Vec<StoreKey> {
        let lost: Vec<StoreKey> =
            self.reported().into_iter().filter(|(.., at)| at.name() == node).map(|(key, ..)| key).collect();
        for key in &lost {
            self.set_cut_off(key);
        }
        lost
    }
}
