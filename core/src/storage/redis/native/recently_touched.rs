//! Which sessions were touched recently, so that a read need not touch them: then a plain read is enough, which costs the server
//! less than a script and can be cached.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{StoreKey, Timestamp, record::Access};

/// Slots in the table: 512 KiB altogether. Sessions that share a slot are read by a script more often; that is rare below some
/// 15,000 sessions in use.
const SLOTS: usize = 1 << 16;
/// Bits of a slot that hold the time; the others hold a part of the key.
const TIME_BITS: u32 = 42;
/// The bits of the time.
const TIME: u64 = (1 << TIME_BITS) - 1;

/// When sessions were last seen, as far as this process knows. Entries get lost, and very rarely two keys are confused: then the
/// touch is a step of its own.
#[derive(Debug)]
pub(crate) struct RecentlyTouched(Box<[AtomicU64]>);

impl Default for RecentlyTouched {
    fn default() -> Self {
        Self((0..SLOTS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl RecentlyTouched {
    fn slot(&self, key: &StoreKey) -> (&AtomicU64, u64) {
        let [a, b, c, d, e, ..] = *key.as_bytes();
        let tag = u64::from(u32::from_le_bytes([c, d, e & 0x3f, 0])) << TIME_BITS;
        (&self.0[usize::from(u16::from_le_bytes([a, b])) % SLOTS], tag)
    }

    /// Records when a session was last seen. Returns when it was seen before, if that is known.
    pub(super) fn note(&self, key: &StoreKey, last_seen: Timestamp) -> Option<Timestamp> {
        let (slot, tag) = self.slot(key);
        let held = slot.swap(tag | last_seen.as_millis() & TIME, Ordering::Relaxed);
        (held & !TIME == tag && held & TIME != 0).then(|| Timestamp::from_millis(held & TIME))
    }

    /// Whether an access may have to touch the session, if it is not remembered with a short idle timeout: that shows only when it is read.
    pub(super) fn may_be_due(&self, key: &StoreKey, access: &Access) -> bool {
        let Some(extend) = &access.extend else { return false };
        let (slot, tag) = self.slot(key);
        let held = slot.load(Ordering::Relaxed);
        let last_seen = Timestamp::from_millis(held & TIME);
        held & !TIME != tag || access.now >= last_seen + extend.interval
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_touch_is_due_when_it_was_long_ago_or_is_not_known() {
        let recent = RecentlyTouched::default();
        let (key, other) = (StoreKey::from_bytes([1; 32]), StoreKey::from_bytes([2; 32]));
        let at = |millis: u64| Timestamp::from_millis(1_750_000_000_000 + millis);
        let access = |millis: u64| Access::active(at(millis), Duration::from_secs(60), Duration::from_secs(1));
        assert!(recent.may_be_due(&key, &access(0)));
        recent.note(&key, at(0));
        assert!(!recent.may_be_due(&key, &access(999)));
        assert!(recent.may_be_due(&key, &access(1_000)));
        assert!(recent.may_be_due(&other, &access(0)));
        assert!(!recent.may_be_due(&other, &Access::passive(at(0))));
    }
}
