//! Which sessions were touched a moment ago, so that reading them needs no touch: then a plain read will do, which costs the
//! server less than a script and can be cached.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{StoreKey, Timestamp, record::Access};

/// Places in the table: 64 KiB altogether. Keys that share one are read by a script a little more often.
const PLACES: usize = 8192;
/// Bits of a place that hold the time; the others hold a part of the key.
const TIME_BITS: u32 = 42;

/// When sessions were last seen, as far as this process knows. It may forget, and very rarely take one key for another: then
/// the touch is left to a step of its own.
#[derive(Debug)]
pub(super) struct Recent(Box<[AtomicU64]>);

impl Default for Recent {
    fn default() -> Self {
        Self((0..PLACES).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Recent {
    fn place(&self, key: &StoreKey) -> (&AtomicU64, u64) {
        let [a, b, c, d, e, ..] = *key.as_bytes();
        let tag = u64::from(u32::from_le_bytes([c, d, e & 0x3f, 0])) << TIME_BITS;
        (&self.0[usize::from(u16::from_le_bytes([a, b])) % PLACES], tag)
    }

    /// The session was last seen then.
    pub(super) fn note(&self, key: &StoreKey, last_seen: Timestamp) {
        let (place, tag) = self.place(key);
        place.store(tag | last_seen.as_millis() & ((1 << TIME_BITS) - 1), Ordering::Relaxed);
    }

    /// Whether this access may have to touch the session.
    pub(super) fn may_be_due(&self, key: &StoreKey, access: &Access) -> bool {
        let Some(extend) = &access.extend else { return false };
        let (place, tag) = self.place(key);
        let held = place.load(Ordering::Relaxed);
        let last_seen = Timestamp::from_millis(held & ((1 << TIME_BITS) - 1));
        held & !((1 << TIME_BITS) - 1) != tag || access.now >= last_seen + extend.interval
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_touch_is_due_when_it_was_long_ago_or_is_not_known() {
        let recent = Recent::default();
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
