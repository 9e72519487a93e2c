//! Overlapping requests, on both.

use futures::future::join_all;
use gsession::{
    Changes,
    record::{Commit, Lifespan},
    storage::{Access, Committed, Moved, Removed},
};

use super::{based, blind, both, created, informed, key, naming, one_entry, read, support::*};

#[tokio::test(flavor = "multi_thread")]
async fn forty_overlapping_blind_writes_lose_nothing() {
    for (name, storage) in both().storages {
        let a = created(&*storage, 1, &one_entry()).await;
        for round in 0..3 {
            let commits: Vec<Commit> = (0..40).map(|n| blind(setting(&format!("{round}-{n}"), "1"))).collect();
            let done = join_all(commits.iter().map(|commit| storage.commit(&a, commit))).await;
            assert!(done.iter().all(|done| matches!(done, Ok(Committed::Done { .. }))), "{name}: {done:?}");
        }
        assert_eq!(read(&*storage, &a).await.record.entries.len(), 121, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_writes_that_have_read_the_session_lose_nothing() {
    for (name, storage) in both().storages {
        let a = created(&*storage, 1, &one_entry()).await;
        let base = read(&*storage, &a).await;
        let commits: Vec<Commit> = (0..40).map(|n| based(base.clone(), setting(&format!("n{n}"), "1"))).collect();
        let done = join_all(commits.iter().map(|commit| storage.commit(&a, commit))).await;
        assert!(done.iter().all(|done| matches!(done, Ok(Committed::Done { .. }))), "{name}: {done:?}");
        let known = done.iter().filter(|done| matches!(done, Ok(Committed::Done { revision: 1.., .. }))).count();
        assert_eq!(known, 1, "{name}: only the first has found what it had read");
        assert_eq!(read(&*storage, &a).await.record.entries.len(), 41, "{name}");
    }
}

/// A removal while others write, move and touch: afterwards there is nothing, under no key.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_survives_a_removal_that_follows_the_renewals() {
    for (name, storage) in both().storages {
        for round in 0..20_u8 {
            let (a, b) = (created(&*storage, 2 * round, &one_entry()).await, key(2 * round + 1));
            let (write, moving) = (blind(setting("x", "1")), blind(naming("ada")));
            let (write, moved, touched, removed) = futures::join!(
                storage.commit(&a, &write),
                storage.move_to(&a, &b, &moving),
                async { storage.touch(&a, &active(NOW)).await },
                storage.remove(&a),
            );
            (write.unwrap(), touched.unwrap());
            let moved = matches!(moved.unwrap(), Moved::Done { .. });
            match removed.unwrap() {
                Removed::Done => assert!(!moved, "{name}"),
                Removed::Renewed(to) => {
                    assert!(moved && to == b, "{name}");
                    assert_eq!(storage.remove(&b).await.unwrap(), Removed::Done, "{name}");
                }
                Removed::Absent => panic!("{name}: it was there"),
            }
        }
        assert_eq!(storage.count(NOW).await.unwrap(), 0, "{name}");
        assert!(storage.find("ada", NOW).await.unwrap().is_empty(), "{name}");
    }
}

/// What the statements compute is what [`gsession::Record::apply`] computes, at every combination of times and lifespans.
#[tokio::test(flavor = "multi_thread")]
async fn deadlines_are_those_of_a_storage_in_memory() {
    use gsession::{AsyncStorage, MemoryStorage, Storage as _, storage::Snapshot};

    async fn seen(storage: &dyn AsyncStorage, number: u8, at: gsession::Timestamp) -> Option<Snapshot> {
        match storage.load(&key(number), &Access::passive(at)).await.unwrap() {
            gsession::storage::Lookup::Found(snapshot) => Some(snapshot),
            _ => None,
        }
    }

    let lifespans = [
        None,
        Some(Lifespan::Managers),
        Some(Lifespan::Own { idle_timeout: IDLE * 7, until: NOW + IDLE * 30 }),
        Some(Lifespan::Own { idle_timeout: IDLE / 100, until: gsession::Timestamp::MAX }),
    ];
    let mut records = vec![one_entry()];
    for remembered in [false, true] {
        for (idle, deadline) in [(IDLE, Some(NOW + 2 * IDLE)), (IDLE / 50, Some(NOW + IDLE / 4)), (IDLE * 9, None)] {
            let mut record = one_entry();
            (record.idle_timeout, record.absolute_deadline) = (idle, deadline);
            record.is_remembered = remembered && deadline.is_some();
            records.push(record);
        }
    }
    let accesses = |at| {
        [
            Access::passive(at),
            active(at),
            Access::active(at, IDLE * 2, IDLE / 30),
            Access::active(at, IDLE / 2, IDLE).bounded(IDLE / 2, Some(IDLE * 3)),
            Access::active(at, IDLE / 2, IDLE / 200).bounded(IDLE / 2, None),
        ]
    };
    let steps = [std::time::Duration::ZERO, IDLE / 1_000, IDLE / 20, IDLE / 3, IDLE];
    for (name, storage) in both().storages {
        let mut number = 0;
        for record in &records {
            for lifespan in lifespans {
                for access in steps.iter().flat_map(|step| accesses(NOW + *step)) {
                    let memory = MemoryStorage::builder().sweep_interval(std::time::Duration::MAX).build();
                    let (from, to, now) = (key(number), key(number.wrapping_add(1)), access.now);
                    storage.remove(&from).await.unwrap();
                    storage.remove(&to).await.unwrap();
                    storage.sweep(NOW + 400 * IDLE).await.unwrap();
                    memory.create(&from, record, NOW).unwrap();
                    storage.create(&from, record, NOW).await.unwrap();
                    let mut changes = setting("n", "1");
                    if let Some(lifespan) = lifespan {
                        changes.set_lifespan(lifespan);
                    }
                    let commit = Commit::new(changes, access);
                    let what = format!("{name}: {record:?} {lifespan:?} {access:?}");
                    let ours = storage.commit(&from, &commit).await.unwrap();
                    let theirs = memory.commit(&from, &commit).unwrap();
                    let without = |committed: Committed| match committed {
                        Committed::Done { expires_at, is_remembered, .. } => Some((expires_at, is_remembered)),
                        _ => None,
                    };
                    assert_eq!(without(ours), without(theirs), "{what}");
                    assert_eq!(
                        format!("{:?}", storage.touch(&from, &access).await.unwrap()),
                        format!("{:?}", gsession::Storage::touch(&memory, &from, &access).unwrap()),
                        "{what}"
                    );
                    let moving = Commit::new(Changes::default(), access);
                    assert_eq!(
                        format!("{:?}", storage.move_to(&from, &to, &moving).await.unwrap()).split("revision").next(),
                        format!("{:?}", memory.move_to(&from, &to, &moving).unwrap()).split("revision").next(),
                        "{what}"
                    );
                    let there = seen(&*storage, number.wrapping_add(1), now).await.map(|snapshot| snapshot.record);
                    assert_eq!(there, found(&memory, &to, now).map(|snapshot| snapshot.record), "{what}");
                    number = number.wrapping_add(2);
                }
            }
        }
    }
}

/// Of two that begin from the same state, one with a condition loses if the other was first.
#[tokio::test(flavor = "multi_thread")]
async fn overlapping_updates_of_long_sessions_add_up() {
    let long = "\"".to_owned() + &"x".repeat(5_000) + "\"";
    for (name, storage) in both().storages {
        let a = created(&*storage, 1, &record(&[("n", "0"), ("long", &long)])).await;
        let increment = || async {
            loop {
                let base = read(&*storage, &a).await;
                let n: u32 = base.record.entries.get_str("n").unwrap().parse().unwrap();
                let commit = based(base, setting("n", &(n + 1).to_string()));
                match storage.commit(&a, &commit.expecting("n", Some(&n.to_string()))).await.unwrap() {
                    Committed::Done { .. } => return,
                    Committed::Conflict(_) => {}
                    other => panic!("{name}: {other:?}"),
                }
            }
        };
        join_all((0..40).map(|_| increment())).await;
        assert_eq!(read(&*storage, &a).await.record.entries.get_str("n"), Some("40"), "{name}");
        assert_eq!(informed(&*storage, &a, Changes::default()).await.base.unwrap().record.entries.len(), 2);
    }
}
