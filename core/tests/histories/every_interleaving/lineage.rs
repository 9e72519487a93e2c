//! What every session has to become, operation by operation: the specification in its shortest form.

use std::collections::BTreeMap;

use gsession::{StoreKey, Timestamp};

use super::programs::{Action, Who};
use crate::support::IDLE;

/// The data of a session, and under [`OWNER`] whose it is.
pub(crate) type Data = BTreeMap<String, u64>;

/// Where a session's principal is kept among its entries; no entry has such a key.
pub(crate) const OWNER: &str = "@";

pub(crate) fn owner(principal: &str) -> u64 {
    if principal == Who::Ada.principal() { 1 } else { 2 }
}

/// A session under all the keys that it has had.
#[derive(Debug, Clone)]
pub(crate) struct Lineage {
    pub(crate) keys: Vec<StoreKey>,
    pub(crate) data: Data,
    /// Whether somebody has ended it.
    pub(crate) is_ended: bool,
    last_seen: Timestamp,
}

impl Lineage {
    pub(crate) fn new(key: StoreKey, data: Data, last_seen: Timestamp) -> Self {
        Self { keys: vec![key], data, is_ended: false, last_seen }
    }

    pub(crate) fn saw(&mut self, now: Timestamp) {
        self.last_seen = self.last_seen.max(now);
    }

    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        self.last_seen + IDLE <= now
    }

    pub(crate) fn lives(&self, now: Timestamp) -> bool {
        !self.is_ended && !self.is_expired(now)
    }

    pub(crate) fn is_of(&self, who: Who) -> bool {
        self.data.get(OWNER) == Some(&owner(who.principal()))
    }
}

/// What a request has done that is not stored yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pending(Vec<Action>);

impl Pending {
    pub(crate) fn note(&mut self, action: Action) {
        match action {
            // From here on it is about another session.
            Action::Destroy => self.0.clear(),
            Action::Set | Action::SetCommon | Action::Clear | Action::Update | Action::Own(_) => self.0.push(action),
            Action::Read
            | Action::Look
            | Action::Renew
            | Action::Save
            | Action::Close
            | Action::PassTime
            | Action::Expel => {}
        }
    }

    /// It was told that what it has written cannot be stored.
    pub(crate) fn drop_all(&mut self) {
        self.0.clear();
    }

    /// It was told that its update has failed.
    pub(crate) fn drop_updates(&mut self) {
        self.0.retain(|action| *action != Action::Update);
    }

    /// All of it is stored. Unless that is answered, the request tries its writes again.
    pub(crate) fn store(&mut self, request: usize, data: &mut Data, is_answered: bool) {
        let all = std::mem::take(&mut self.0);
        for action in &all {
            let number = request as u64;
            match action {
                Action::Set => drop(data.insert(own_key(request), number)),
                Action::SetCommon => drop(data.insert("common".into(), number)),
                Action::Clear => data.retain(|key, _| key == OWNER),
                Action::Update => *data.entry("n".into()).or_default() += 1,
                Action::Own(who) => drop(data.insert(OWNER.into(), owner(who.principal()))),
                _ => {}
            }
        }
        if !is_answered {
            self.0 = all.into_iter().filter(|action| *action != Action::Update).collect();
        }
    }
}

/// What the session holds that is there when all begins.
pub(crate) fn first() -> Data {
    [("n".to_owned(), 0), ("user".to_owned(), 7)].into()
}

/// What Bob's session holds.
pub(crate) fn bobs() -> Data {
    [("secret".to_owned(), 9), (OWNER.to_owned(), owner("bob"))].into()
}

pub(crate) fn own_key(request: usize) -> String {
    format!("own-{request}")
}
