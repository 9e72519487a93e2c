//! A renewed session lives under its new key and nowhere else.

use std::{sync::Barrier, time::Duration};

use serde_json::json;

use crate::{
    Changes, StorageError,
    conformance::{
        Ability,
        case::{Verdict, must, must_be, must_match},
        stage::{IDLE, MINUTE, Stage, active, commit_at, moved_at, setting},
        suite::panicked,
    },
    storage::{Committed, FORWARD_FOR, Lookup, Moved, Removed, Touched},
};

pub(super) fn a_move_takes_the_data_and_leaves_a_trace(stage: &Stage) -> Verdict {
    let (storage, key, new, third) = (&stage.storage, stage.key(1), stage.key(2), stage.key(3));
    stage.create_as(&key, &stage.record_of("ada", &[("a", "1"), ("b", "2")]))?;
    let (at, late) = (stage.start + MINUTE, stage.start + 2 * MINUTE);
    must_be!(moved_at(storage.move_to(&key, &new, &commit_at(setting("b", "3"), at)))?, at + IDLE, "the new deadline");
    must_be!(stage.stored(&new, late)?, Some(json!({"a": 1, "b": 3})), "the data under the new key");
    let record = stage.there(&new, late)?.record;
    let facts = (record.created_at, record.principal.as_deref());
    must_be!(facts, (stage.start, Some("ada")), "the facts under the new key");
    // The old one stores nothing any more and says why.
    must_match!(storage.load(&key, &active(late))?, Lookup::Moved(when) if when == at, "a load of the old key");
    let late_commit = commit_at(setting("c", "4"), late);
    let committed = storage.commit(&key, &late_commit)?;
    must_match!(committed, Committed::Moved(when) if when == at, "a commit to the old key");
    must_match!(storage.touch(&key, &active(late))?, Touched::Gone, "a touch of the old key");
    must_be!(storage.move_to(&key, &third, &late_commit)?, Moved::Moved(at), "a second renewal of the old key");
    must!(stage.is_absent(&third, late)?, "a second renewal of the old key has made a second session");
    must_be!(stage.stored(&new, late)?, Some(json!({"a": 1, "b": 3})), "the data after that");
    // A logout finds its way, also a second one.
    must_be!(storage.remove(&key)?, Removed::Moved(new), "a remove of the old key");
    must_be!(storage.remove(&new)?, Removed::Done, "a remove of the new key");
    must_be!(storage.remove(&key)?, Removed::Moved(new), "a second remove of the old key");
    must!(stage.survivors(late)?.is_none_or(|living| living == 0), "something lives after the end");
    Ok(())
}

pub(super) fn the_trace_of_a_move_ends(stage: &Stage) -> Verdict {
    let (storage, key, new) = (&stage.storage, stage.create(1, &[("a", "1")])?, stage.key(2));
    moved_at(storage.move_to(&key, &new, &commit_at(Changes::default(), stage.start)))?;
    let end = stage.start + FORWARD_FOR;
    let last = stage.start + (FORWARD_FOR - Duration::from_millis(1));
    must_match!(storage.load(&key, &active(last))?, Lookup::Moved(_), "a load of the old key, a millisecond before");
    if stage.can(Ability::Sweeping) {
        must_be!(storage.sweep(last)?.removed, 0, "what sweep removed a millisecond before");
    }
    must!(stage.is_absent(&key, end)?, "the trace is there after its time");
    if stage.can(Ability::Sweeping) {
        must_be!(storage.sweep(end)?.removed, 1, "what sweep removed after its time");
        must_be!(storage.remove(&key)?, Removed::Absent, "a remove of the old key after that");
    }
    must_be!(stage.stored(&new, end)?, Some(json!({"a": 1})), "the renewed session");
    Ok(())
}

pub(super) fn a_move_to_a_taken_key_changes_nothing(stage: &Stage) -> Verdict {
    let storage = &stage.storage;
    let (one, two, three) = (stage.create(1, &[("n", "1")])?, stage.create(2, &[("n", "2")])?, stage.key(3));
    let before = [stage.there(&one, stage.start)?.record, stage.there(&two, stage.start)?.record];
    let commit = commit_at(setting("x", "1"), stage.start + MINUTE);
    must_be!(storage.move_to(&one, &two, &commit)?, Moved::Taken, "a move to a key that is taken");
    must_be!(
        [stage.there(&one, stage.start)?.record, stage.there(&two, stage.start)?.record],
        before,
        "the two sessions"
    );
    moved_at(storage.move_to(&two, &three, &commit))?;
    must_be!(storage.move_to(&one, &two, &commit)?, Moved::Taken, "a move to where the trace of a renewal is");
    must_be!(storage.remove(&two)?, Removed::Moved(three), "the trace afterwards");
    Ok(())
}

pub(super) fn of_many_moves_one_wins(stage: &Stage) -> Verdict {
    const MOVERS: usize = 8;
    let (storage, now) = (&stage.storage, stage.start);
    for round in 0..5 {
        let from = stage.create(100 * round, &[("a", "1")])?;
        let to = |mover| stage.key(100 * round + 1 + mover);
        let start = Barrier::new(MOVERS);
        let moved: Vec<Result<Moved, StorageError>> = std::thread::scope(|scope| {
            let move_it = |mover| {
                let (start, from, to) = (&start, &from, to(mover));
                scope.spawn(move || {
                    start.wait();
                    storage.move_to(from, &to, &commit_at(Changes::default(), now))
                })
            };
            let movers: Vec<_> = (0..MOVERS).map(move_it).collect();
            movers.into_iter().map(|mover| mover.join().map_err(|panic| panicked(&*panic))).collect::<Verdict<_>>()
        })?;
        let moved = moved.into_iter().collect::<Result<Vec<_>, _>>()?;
        let won = |moved: &Moved| matches!(moved, Moved::Done { .. });
        must!(moved.iter().filter(|moved| won(moved)).count() == 1, "of {MOVERS} renewals at once: {moved:?}");
        must!(
            moved.iter().all(|moved| won(moved) || *moved == Moved::Moved(now)),
            "those that lost were told {moved:?}"
        );
        for (mover, moved) in moved.iter().enumerate() {
            must_be!(stage.found(&to(mover), now)?.is_some(), won(moved), "whether there is a session under a new key");
            if won(moved) {
                must_be!(storage.remove(&from)?, Removed::Moved(to(mover)), "a remove of the old key");
            }
        }
    }
    Ok(())
}

pub(super) fn moves_in_circles_never_wait_for_each_other(stage: &Stage) -> Verdict {
    let keys = [stage.create(1, &[("a", "1")])?, stage.create(2, &[("a", "1")])?];
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        let threads = [[0, 1], [1, 0]].map(|[from, to]| {
            let (start, keys) = (&start, &keys);
            scope.spawn(move || {
                // All rounds are gone through whatever comes, so that the other thread does not wait in vain.
                let moves = (0..50).map(|_| {
                    start.wait();
                    stage.storage.move_to(&keys[from], &keys[to], &commit_at(Changes::default(), stage.start))
                });
                moves.collect::<Vec<_>>()
            })
        });
        for thread in threads {
            for moved in thread.join().map_err(|panic| panicked(&*panic))? {
                must_be!(moved?, Moved::Taken, "a move to a key that is taken");
            }
        }
        Ok(())
    })
}
