//! The near cache without a server.

use super::*;
use crate::{Entries, Record, Timestamp};

fn key() -> StoreKey {
    StoreKey::from_bytes([7; 32])
}

fn snapshot(json: &str) -> Snapshot {
    let mut record = Record::new(Timestamp::from_millis(1), Duration::from_secs(60), None);
    record.entries = Entries::pack([("a", json)]).unwrap();
    Snapshot::complete(record)
}

fn empty(settings: NearCache) -> Cache {
    Cache::new(settings, Arc::new(OwnWrites::new()))
}

fn cached(cache: &Cache, names: Option<&[&str]>) -> bool {
    cache.get(b"k", &key(), names).is_some()
}

fn filled(settings: NearCache) -> Cache {
    let cache = empty(settings);
    let number = cache.reserve(b"k");
    cache.fill(b"k", number, &snapshot("1"), None);
    cache
}

#[test]
fn the_cache_is_not_used_before_an_answer_nor_long_after_one() {
    let cache = filled(NearCache::default());
    assert!(!cached(&cache, None));
    cache.prove(cache.time());
    assert!(cached(&cache, None));
    let cache = filled(NearCache::default().trust_for(Duration::ZERO));
    cache.prove(cache.time());
    assert!(!cached(&cache, None));
}

#[test]
fn after_an_own_write_an_answer_to_a_later_command_is_needed() {
    let cache = filled(NearCache::default());
    let before = cache.time();
    cache.prove(before);
    cache.own_writes.note(&key());
    assert!(!cached(&cache, None));
    cache.prove(before);
    assert!(!cached(&cache, None), "the proof is older than the write");
    cache.prove(cache.time());
    assert!(cached(&cache, None));
}

#[test]
fn an_answer_that_is_out_of_date_on_arrival_is_not_kept() {
    let cache = filled(NearCache::default());
    cache.prove(cache.time());
    let number = cache.reserve(b"k");
    cache.invalidate(b"k");
    cache.fill(b"k", number, &snapshot("old"), None);
    assert!(!cached(&cache, None));
    // Nor if somebody else has begun to read it since.
    let (first, second) = (cache.reserve(b"k"), cache.reserve(b"k"));
    cache.fill(b"k", first, &snapshot("old"), None);
    assert!(!cached(&cache, None));
    cache.fill(b"k", second, &snapshot("new"), None);
    assert!(cached(&cache, None));
}

#[test]
fn a_partial_session_answers_only_for_its_names() {
    let cache = empty(NearCache::default());
    cache.prove(cache.time());
    let number = cache.reserve(b"k");
    let partial = Snapshot { complete: false, ..snapshot("1") };
    cache.fill(b"k", number, &partial, Some(&["a", "b"]));
    assert!(cached(&cache, Some(&["b"])));
    assert!(!cached(&cache, Some(&["a", "c"])));
    assert!(!cached(&cache, None));
}

#[test]
fn bytes_and_sessions_are_bounded() {
    let cache = empty(NearCache::default().max_bytes(10 * OVERHEAD).max_sessions(5));
    for number in 0..100_u8 {
        let reservation = cache.reserve(&[number]);
        cache.fill(&[number], reservation, &snapshot("\"some text\""), None);
        let inner = cache.inner.lock();
        assert!(inner.entries.len() <= 5 && inner.bytes <= 10 * OVERHEAD);
        assert_eq!(inner.bytes, inner.entries.iter().map(|(_, entry)| entry.bytes()).sum::<usize>());
    }
    cache.clear();
    assert_eq!(cache.inner.lock().bytes, 0);
}

#[test]
fn a_cache_without_room_keeps_nothing() {
    for settings in [NearCache::default().max_sessions(0), NearCache::default().max_bytes(0)] {
        let cache = filled(settings);
        cache.prove(cache.time());
        assert!(!cached(&cache, None));
        assert_eq!(cache.inner.lock().entries.len(), 0);
    }
    let cache = filled(NearCache::default().max_sessions(usize::MAX).max_bytes(usize::MAX));
    cache.prove(cache.time());
    assert!(cached(&cache, None));
}
