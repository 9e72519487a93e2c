//! Overlapping requests, on both.

use std::time::Duration;

use futures::future::join_all;
use gsession::{
    Changes, Timestamp,
    record::{Applied, Commit, Lifespan},
    storage::{Access, Committed, Lookup, Moved, Removed, Touched},
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
            write.unwrap();
            touched.unwrap();
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

/// What the statements compute is what `Record::apply` computes, at every combination of times and lifespans.
#[tokio::test(flavor = "multi_thread")]
async fn deadlines_are_those_that_a_record_computes() {
    let lifespans = [
        None,
        Some(Lifespan::Managers),
        Some(Lifespan::Own { idle_timeout: IDLE * 7, until: NOW + IDLE * 30 }),
        Some(Lifespan::Own { idle_timeout: IDLE / 100, until: Timestamp::MAX }),
    ];
    let mut records = vec![one_entry()];
    for is_remembered in [false, true] {
        for (idle, deadline) in [(IDLE, NOW + 2 * IDLE), (IDLE / 50, NOW + IDLE / 4), (IDLE * 9, NOW + IDLE * 10)] {
            let mut record = one_entry();
            (record.idle_timeout, record.absolute_deadline) = (idle, Some(deadline));
            record.is_remembered = is_remembered;
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
    let steps = [Duration::ZERO, IDLE / 1_000, IDLE / 20, IDLE / 3, IDLE];
    for (name, storage) in both().storages {
        let mut number = 0_u8;
        for record in &records {
            for lifespan in lifespans {
                for access in steps.iter().flat_map(|step| accesses(NOW + *step)) {
                    let what = format!("{name}: {record:?} {lifespan:?} {access:?}");
                    let [from, to] = [key(number), key(number.wrapping_add(1))];
                    number = number.wrapping_add(2);
                    // What was there before.
                    for place in [from, to] {
                        storage.remove(&place).await.unwrap();
                    }
                    storage.sweep(NOW + 400 * IDLE).await.unwrap();
                    storage.create(&from, record, NOW).await.unwrap();
                    let mut changes = setting("n", "1");
                    if let Some(lifespan) = lifespan {
                        changes.set_lifespan(lifespan);
                    }
                    let commit = Commit::new(changes, access);
                    let Applied::Changed(after) = record.apply(&commit).unwrap() else {
                        let gone = storage.commit(&from, &commit).await.unwrap();
                        assert!(matches!(gone, Committed::Gone), "{what}");
                        assert_eq!(storage.move_to(&from, &to, &commit).await.unwrap(), Moved::Gone, "{what}");
                        continue;
                    };
                    // As a commit or as a move.
                    let there = if number.is_multiple_of(4) {
                        let moved = storage.move_to(&from, &to, &commit).await.unwrap();
                        let wanted = Moved::Done {
                            expires_at: after.expires_at(),
                            is_remembered: after.is_remembered,
                            revision: 0,
                        };
                        assert_eq!(moved, wanted, "{what}");
                        to
                    } else {
                        let Committed::Done { expires_at, is_remembered, .. } =
                            storage.commit(&from, &commit).await.unwrap()
                        else {
                            panic!("{what}: not done")
                        };
                        assert_eq!((expires_at, is_remembered), (after.expires_at(), after.is_remembered), "{what}");
                        from
                    };
                    let seen = |lookup| match lookup {
                        Lookup::Found(snapshot) => Some(snapshot.record),
                        _ => None,
                    };
                    // It may end at once.
                    let at = Access::passive(access.now);
                    let mut wanted = Some(after.clone()).filter(|after| !after.is_expired(access.now));
                    if let Some(wanted) = &mut wanted {
                        // In whole milliseconds, as it is stored.
                        let millis = u64::try_from(wanted.idle_timeout.as_millis()).unwrap_or(u64::MAX);
                        wanted.idle_timeout = Duration::from_millis(millis);
                    }
                    assert_eq!(seen(storage.load(&there, &at).await.unwrap()), wanted, "{what}");
                    let mut touched = after;
                    touched.extend(&access);
                    let wanted = Touched::Done(touched.expires_at());
                    let ended = access.has_ended(&touched, touched.last_seen);
                    let wanted = if ended { Touched::Gone } else { wanted };
                    assert_eq!(storage.touch(&there, &access).await.unwrap(), wanted, "{what}");
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
