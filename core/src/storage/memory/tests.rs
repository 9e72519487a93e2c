//! Counts what listing costs.

use std::time::Duration;

use super::{shard::LOOKUPS, store::Store};
use crate::{
    Changes, Record, StoreKey, Timestamp,
    record::Commit,
    storage::{Access, Moved},
};

const NOW: Timestamp = Timestamp::from_millis(1_750_000_000_000);

fn key(number: u32) -> StoreKey {
    let mut bytes = [0x5a; 32];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    bytes[31] = number.to_le_bytes()[0];
    StoreKey::from_bytes(bytes)
}

/// Clients can renew as often as they like.
#[test]
fn listing_looks_up_the_session_however_often_it_was_renewed() {
    // As many as leave a tombstone within an hour.
    const RENEWALS: u32 = 16 * 60;
    let store = Store::new(1_000_000, usize::MAX);
    let mut record = Record::new(NOW, Duration::from_secs(3600), None);
    record.principal = Some("ada".into());
    store.create(&key(0), &record, NOW).unwrap();
    for number in 0..RENEWALS {
        let now = NOW + number / 16 * Duration::from_secs(60);
        let commit = Commit::new(Changes::default(), Access::active(now, record.idle_timeout, Duration::ZERO));
        let moved = store.move_to(&key(number), &key(number + 1), &commit).unwrap();
        assert!(matches!(moved, Moved::Done { .. }));
    }
    assert_eq!(store.len(), 1 + RENEWALS as usize);
    LOOKUPS.set(0);
    let found = store.find("ada", NOW);
    assert_eq!(found.iter().map(|found| found.key).collect::<Vec<_>>(), [key(RENEWALS)]);
    assert!(LOOKUPS.get() <= 2, "{} keys were looked up", LOOKUPS.get());
    assert!(store.find("bob", NOW).is_empty());
}
