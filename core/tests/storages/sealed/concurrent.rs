//! Instances with different first keys, a rekeying operator and sessions from before, all at once.

use std::thread;

use gsession::{Storage as _, storage::Committed};

use super::{KINDS, NOW, Place, commit_at, key, opened, ring, sealed_with, sealing_key, setting, text};
use crate::support::record;

#[test]
fn overlapping_updates_add_up_while_keys_are_replaced() {
    for kind in KINDS {
        let place = Place::new(kind);
        place.storage.create(&key(1), &record(&[("n", "0")]), NOW).unwrap();
        let rings = [ring(1).with_older(sealing_key(2)), ring(2).with_older(sealing_key(1))];
        let storages = rings.map(|keys| sealed_with(&place, keys).admitting_unsealed());
        thread::scope(|scope| {
            for storage in &storages {
                for _ in 0..2 {
                    scope.spawn(move || (0..15).for_each(|_| add_one(storage)));
                }
                scope.spawn(move || {
                    for _ in 0..10 {
                        storage.rekey(&key(1), NOW).unwrap();
                    }
                });
            }
        });
        assert_eq!(text(&opened(&storages[0], &key(1)).unwrap().record, "n"), "60", "{kind:?}");
    }
}

fn add_one(storage: &super::SealedStorage) {
    let mut expected = "0".to_owned();
    loop {
        let next = (expected.parse::<u64>().unwrap() + 1).to_string();
        let commit = commit_at(setting("n", &next), NOW).expecting("n", Some(&expected));
        match storage.commit(&key(1), &commit).unwrap() {
            Committed::Done { .. } => return,
            Committed::Conflict(Some(current)) => expected = current.as_str().to_owned(),
            other => panic!("{other:?}"),
        }
    }
}
