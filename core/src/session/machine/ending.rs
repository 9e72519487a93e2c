//! Sessions to end, wherever they have moved.

use crate::{
    StoreKey,
    observe::EndReason,
    storage::{Leads, Removed, StorageError, Trail},
};

/// What a request has destroyed.
#[derive(Debug, Default)]
pub(super) struct Ending {
    /// The sessions that the storage has not ended yet, the next one last.
    keys: Vec<StoreKey>,
    /// The renewals of the next one that were followed.
    trail: Trail,
    /// Whether the client holds an id that it should forget.
    withdraw: bool,
    /// Whether it should forget it unless another one opens a session.
    withdraw_if_absent: bool,
    /// Whether `destroy` was called after the last step was sent to the storage.
    came_meanwhile: bool,
    /// Why the sessions end.
    reason: EndReason,
    /// The session that the storage was last asked to end, until it has answered. Boxed, because few requests end one.
    asked: Option<Box<StoreKey>>,
    /// Whether it was asked before, and its answer was lost.
    is_asked_again: bool,
}

impl Ending {
    /// Ends the sessions under these keys. `withdraw` says whether the client holds the id of one.
    pub(super) fn begin(&mut self, keys: impl IntoIterator<Item = StoreKey>, withdraw: bool, reason: EndReason) {
        self.reason = reason;
        self.keys.extend(keys);
        self.trail = Trail::default();
        self.withdraw |= withdraw;
        self.came_meanwhile = true;
    }

    /// Also ends a session that was created after the `destroy`.
    pub(super) fn add(&mut self, key: StoreKey) {
        self.keys.push(key);
    }

    pub(super) const fn is_pending(&self) -> bool {
        !self.keys.is_empty()
    }

    pub(super) fn keys(&self) -> &[StoreKey] {
        &self.keys
    }

    /// The session to end next. The storage is asked.
    #[inline]
    pub(super) fn next(&mut self) -> Option<StoreKey> {
        let key = self.keys.last().copied()?;
        self.note_asked(key);
        Some(key)
    }

    #[cold]
    fn note_asked(&mut self, key: StoreKey) {
        self.is_asked_again = self.asked.as_deref() == Some(&key);
        self.asked = Some(Box::new(key));
    }

    /// Whether the client must forget its id. Never before the storage has confirmed the end.
    pub(super) const fn withdraws_id(&self, is_absent: bool) -> bool {
        (self.withdraw || self.withdraw_if_absent && is_absent) && !self.is_pending()
    }

    /// The session of one of the client's ids was ended.
    pub(super) const fn withdraw_if_absent(&mut self) {
        self.withdraw_if_absent = true;
    }

    /// A step is sent to the storage.
    pub(super) const fn note_step(&mut self) {
        self.came_meanwhile = false;
    }

    /// Whether `destroy` was called since the last step was sent. The answer is then about a session this request no
    /// longer has.
    pub(super) const fn take_came_meanwhile(&mut self) -> bool {
        std::mem::replace(&mut self.came_meanwhile, false)
    }

    /// The storage was asked to end the session under `key`. If the session has moved, the new key is next. Returns why the session
    /// has ended, if this has ended it.
    pub(super) fn removed(&mut self, key: StoreKey, removed: Removed) -> Result<Option<EndReason>, StorageError> {
        self.asked = None;
        // If the first answer was lost, it was that one that ended the session.
        let has_ended = removed == Removed::Done || removed == Removed::Absent && self.is_asked_again;
        if let Removed::Renewed(next) = removed {
            match self.trail.follow(&next) {
                Ok(Leads::On) => {
                    self.keys.iter_mut().filter(|held| **held == key).for_each(|held| *held = next);
                    return Ok(None);
                }
                Ok(Leads::InACycle) => {}
                Err(error) => {
                    // The session may live on, so this is no success. The next try continues from here.
                    self.trail = Trail::default();
                    return Err(error);
                }
            }
        }
        self.trail = Trail::default();
        self.keys.retain(|held| *held != key);
        Ok(has_ended.then_some(self.reason))
    }
}
