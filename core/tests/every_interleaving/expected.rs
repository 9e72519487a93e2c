//! What the stored session has to become, operation by operation: the specification in its shortest form.

use std::collections::BTreeMap;

use crate::programs::{Action, own_key};

/// The data of a session.
pub(crate) type Data = BTreeMap<String, u64>;

/// What the session that all requests began with has become, operation by operation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expected {
    data: Data,
    pending: Vec<Vec<Action>>,
}

impl Expected {
    pub(crate) fn new(requests: usize) -> Self {
        Self { data: first(), pending: vec![Vec::new(); requests] }
    }

    /// A request has done something that is not stored yet.
    pub(crate) fn pend(&mut self, request: usize, action: Action) {
        let pending = &mut self.pending[request];
        match action {
            // From here on it is about another session.
            Action::Destroy => pending.clear(),
            Action::Set | Action::SetCommon | Action::Clear | Action::Update => pending.push(action),
            Action::Read | Action::Renew | Action::Save | Action::PassTime => {}
        }
    }

    /// A commit or a move of a request has been stored, with all that it had in hand. Unless that is answered, the request
    /// tries its writes again.
    pub(crate) fn store(&mut self, request: usize, is_answered: bool) {
        let pending = std::mem::take(&mut self.pending[request]);
        if !is_answered {
            self.pending[request] = pending.iter().copied().filter(|action| *action != Action::Update).collect();
        }
        for action in pending {
            let number = request as u64;
            match action {
                Action::Set => drop(self.data.insert(own_key(request), number)),
                Action::SetCommon => drop(self.data.insert("common".into(), number)),
                Action::Clear => self.data.clear(),
                Action::Update => *self.data.entry("n".into()).or_default() += 1,
                _ => {}
            }
        }
    }

    pub(crate) fn data(&self) -> &Data {
        &self.data
    }
}

/// What all requests begin with.
pub(crate) fn first() -> Data {
    [("n".to_owned(), 0), ("user".to_owned(), 7)].into()
}
