//! What the storage knows about a session besides its record: whether its client came back, and which tombstones it has left.

use std::{sync::Arc, time::Duration};

use super::sync::TOMBSTONES;
use crate::{StoreKey, Timestamp};

/// How long the tombstone of a renewal is protected like its session: requests rarely take longer. Also the window in which tombstones
/// are counted.
pub(super) const PROTECTED_FOR: Duration = Duration::from_secs(60);

/// What a session's next slot inherits from this one, across commits and renewals.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    /// Whether the client has used the id after the request that created the session.
    pub(super) has_returned: bool,
    /// On the heap, so that a session that was never renewed pays only for a pointer. Shared, so that a commit copies nothing.
    renewals: Option<Arc<Renewals>>,
}

#[derive(Debug)]
struct Renewals {
    /// When the current window began.
    window: Timestamp,
    /// The renewals in the window.
    count: u32,
    tail: Option<Tail>,
}

/// The last two tombstones of a window. Once a session has left as many tombstones as allowed, the next renewal forgets the last one
/// and points the anchor to the new key, so that all tombstones that lead to the anchor still lead to the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) anchor: StoreKey,
    pub(super) last: StoreKey,
}

/// The effect of one more renewal.
pub(super) struct Renewal {
    pub(super) history: History,
    /// Whether its tombstone becomes the anchor of the window.
    pub(super) is_anchor: bool,
    /// If set, forget the last of these tombstones and point the anchor to the new key.
    pub(super) surplus: Option<Tail>,
}

impl History {
    pub(super) fn tail(&self) -> Option<Tail> {
        self.renewals.as_ref()?.tail
    }

    /// One more renewal, of the session under `from`.
    pub(super) fn renewed(&self, from: &StoreKey, now: Timestamp) -> Renewal {
        // A window that begins later comes from a faster clock. It is still the current one.
        let current = self.renewals.as_deref().filter(|renewals| now < renewals.window + PROTECTED_FOR);
        let (window, count) = current.map_or((now, 1), |current| (current.window, current.count.saturating_add(1)));
        let before = current.and_then(|current| current.tail);
        let tail = match before {
            Some(Tail { anchor, .. }) => Some(Tail { anchor, last: *from }),
            // The second to last: its tombstone must stay, because all earlier tombstones lead to it.
            None if count + 1 >= TOMBSTONES => Some(Tail { anchor: *from, last: *from }),
            None => None,
        };
        Renewal {
            is_anchor: before.is_none() && tail.is_some(),
            surplus: before.filter(|_| count > TOMBSTONES),
            history: Self {
                has_returned: self.has_returned,
                renewals: Some(Arc::new(Renewals { window, count, tail })),
            },
        }
    }

    /// Bytes outside the slot.
    pub(super) fn heap_bytes(&self) -> usize {
        // With the counts of the `Arc`, and the overhead of an allocation.
        self.renewals.as_ref().map_or(0, |_| size_of::<Renewals>() + 2 * size_of::<usize>() + 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_000);

    fn key(number: u32) -> StoreKey {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        StoreKey::from_bytes(bytes)
    }

    /// Renews from the keys of these numbers, one after the other.
    fn renew(history: &mut History, now: Timestamp, numbers: std::ops::Range<u32>) -> Vec<Renewal> {
        let renew = |number| {
            let renewal = history.renewed(&key(number), now);
            *history = renewal.history.clone();
            renewal
        };
        numbers.map(renew).collect()
    }

    #[test]
    fn the_second_to_last_tombstone_of_a_window_is_the_anchor_of_all_further_renewals() {
        let mut history = History::default();
        let renewals = renew(&mut history, START, 0..TOMBSTONES + 4);
        for (number, renewal) in (0..).zip(&renewals) {
            assert_eq!(renewal.is_anchor, number + 2 == TOMBSTONES, "{number}");
            let anchor = key(TOMBSTONES - 2);
            let surplus = (number >= TOMBSTONES).then(|| Tail { anchor, last: key(number - 1) });
            assert_eq!(renewal.surplus, surplus, "{number}");
        }
    }

    #[test]
    fn a_window_ends_after_a_minute_even_by_a_slow_clock() {
        let mut history = History::default();
        renew(&mut history, START, 0..TOMBSTONES);
        let surplus = |history: &History, now| history.renewed(&key(100), now).surplus.is_some();
        assert!(surplus(&history, Timestamp::from_millis(60_999)));
        assert!(!surplus(&history, START + PROTECTED_FOR));
        renew(&mut history, START + PROTECTED_FOR, 200..200 + TOMBSTONES);
        assert!(surplus(&history, START));
    }

    #[test]
    fn a_session_that_was_never_renewed_pays_only_for_a_pointer() {
        assert_eq!(size_of::<History>(), 2 * size_of::<usize>());
        assert_eq!(History::default().heap_bytes(), 0);
    }
}
