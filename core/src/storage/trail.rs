//! Following a session from renewal to renewal.

use super::{AnyStorage, Removed, StorageError, StorageErrorKind};
use crate::{StoreKey, observe::EndReason};

/// More renewals than can happen in the hour for which they are remembered.
const LONGEST: u32 = 1 << 20;

/// The path from an old key to the key where the session lives now.
///
/// Keys never repeat on such a path. If one does, someone with write access to the storage has put the tombstones
/// there, and they lead to no session. A cycle is found with Brent's algorithm, which stores a single key: each key is
/// compared with an earlier one, and that mark moves up each time the number of steps has doubled.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Trail {
    steps: u32,
    mark: Option<StoreKey>,
}

/// Where a step of a [`Trail`] leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leads {
    /// To another key, where the session may be.
    On,
    /// Back to an earlier key, so nowhere.
    InACycle,
}

impl Trail {
    /// Moves on to `key`.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the path is longer than any real one. The session may still be alive somewhere.
    pub(crate) fn follow(&mut self, key: &StoreKey) -> Result<Leads, StorageError> {
        if self.mark.as_ref() == Some(key) {
            tracing::warn!(?key, "tombstones of renewals in the storage form a cycle; they count as no session");
            return Ok(Leads::InACycle);
        }
        if self.steps >= LONGEST {
            return Err(StorageError::new(StorageErrorKind::Other, "following a session through its renewals"));
        }
        self.steps += 1;
        if self.steps.is_power_of_two() {
            self.mark = Some(*key);
        }
        Ok(Leads::On)
    }
}

impl AnyStorage {
    /// Ends the session under `key`, even if it was renewed since. Returns whether there was one.
    pub(crate) async fn end(&self, mut key: StoreKey, reason: EndReason) -> Result<bool, StorageError> {
        let mut trail = Trail::default();
        loop {
            match self.remove(&key).await? {
                Removed::Done => {
                    self.observers().ended(key, reason);
                    return Ok(true);
                }
                Removed::Absent => return Ok(false),
                Removed::Renewed(next) => match trail.follow(&next)? {
                    Leads::On => key = next,
                    Leads::InACycle => return Ok(false),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> StoreKey {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        StoreKey::from_bytes(bytes)
    }

    /// The steps needed to detect that a path of `lead` keys enters a cycle of `size`.
    fn steps(lead: u32, size: u32) -> u32 {
        let mut trail = Trail::default();
        let mut step = 0;
        loop {
            let at = if step < lead { step } else { lead + (step - lead) % size };
            if trail.follow(&key(at)).unwrap() == Leads::InACycle {
                return step;
            }
            step += 1;
        }
    }

    #[test]
    fn every_cycle_is_found_soon() {
        for lead in 0..40 {
            for size in 1..40 {
                let steps = steps(lead, size);
                assert!(steps >= lead + size, "detected before it closed: {lead}, {size}");
                assert!(steps <= 3 * (lead + size) + 1, "{steps} steps for {lead}, {size}");
            }
        }
    }

    #[test]
    fn a_way_without_end_is_an_error() {
        let mut trail = Trail::default();
        let ended = (0..=LONGEST).find_map(|number| trail.follow(&key(number)).err());
        assert_eq!(ended.map(|error| error.kind()), Some(StorageErrorKind::Other));
    }
}
