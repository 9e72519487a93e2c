//! A renewed session exists under its new key and nowhere else.

use std::{sync::Barrier, time::Duration};

use serde_json::json;

use crate::{
    Changes, StorageError,
    conformance::{
        Ability,
        fixture::{Fixture, IDLE, MINUTE, active, commit_at, moved_at, setting},
        verdict::{Flaw, Verdict, must, must_be, must_match},
    },
    storage::{Committed, Lookup, Moved, Removed, TOMBSTONE_LIFETIME, Touched},
};

pub(super) fn a_move_takes_the_data_and_leaves_a_tombstone(fixture: &Fixture) -> Verdict {
    let (storage, key, new, third) = (&fixture.storage, fixture.key(1), fixture.key(2), fixture.key(3));
    fixture.create_as(&key, &fixture.record_of("ada", &[("a", "1"), ("b", "2")]))?;
    let (at, late) = (fixture.start + MINUTE, fixture.start + 2 * MINUTE);
    must_be!(moved_at(storage.move_to(&key, &new, &commit_at(setting("b", "3"), at)))?, at + IDLE, "the new deadline");
    must_be!(fixture.stored(&new, late)?, Some(json!({"a": 1, "b": 3})), "the data under the new key");
    let record = fixture.there(&new, late)?.record;
    let facts = (record.created_at, record.principal.as_deref());
    must_be!(facts, (fixture.start, Some("ada")), "the facts under the new key");
    // The old key stores nothing any more, and says why.
    must_match!(storage.load(&key, &active(late))?, Lookup::Renewed(when) if when == at, "a load of the old key");
    let late_commit = commit_at(setting("c", "4"), late);
    let committed = storage.commit(&key, &late_commit)?;
    must_match!(committed, Committed::Renewed(when) if when == at, "a commit to the old key");
    must_match!(storage.touch(&key, &active(late))?, Touched::Gone, "a touch of the old key");
    must_be!(storage.move_to(&key, &third, &late_commit)?, Moved::Renewed(at), "a second renewal of the old key");
    must!(fixture.is_absent(&third, late)?, "a second renewal of the old key has created a second session");
    must_be!(fixture.stored(&new, late)?, Some(json!({"a": 1, "b": 3})), "the data after that");
    // A logout by the old key finds the session, even a second time.
    must_be!(storage.remove(&key)?, Removed::Renewed(new), "a remove of the old key");
    must_be!(storage.remove(&new)?, Removed::Done, "a remove of the new key");
    must_be!(storage.remove(&key)?, Removed::Renewed(new), "a second remove of the old key");
    must!(fixture.survivors(late)?.is_none_or(|living| living == 0), "a session is still alive after the remove");
    Ok(())
}

pub(super) fn the_tombstone_of_a_move_ends(fixture: &Fixture) -> Verdict {
    let (storage, key, new) = (&fixture.storage, fixture.create(1, &[("a", "1")])?, fixture.key(2));
    moved_at(storage.move_to(&key, &new, &commit_at(Changes::default(), fixture.start)))?;
    let end = fixture.start + TOMBSTONE_LIFETIME;
    let last = fixture.start + (TOMBSTONE_LIFETIME - Duration::from_millis(1));
    must_match!(storage.load(&key, &active(last))?, Lookup::Renewed(_), "a load of the old key, a millisecond before");
    if fixture.can(Ability::Sweeping) {
        must_be!(storage.sweep(last)?.removed, 0, "what sweep removed a millisecond before");
    }
    must!(fixture.is_absent(&key, end)?, "the tombstone exists after its time");
    if fixture.can(Ability::Sweeping) {
        must_be!(storage.sweep(end)?.removed, 1, "what sweep removed after its time");
        must_be!(storage.remove(&key)?, Removed::Absent, "a remove of the old key after that");
    }
    must_be!(fixture.stored(&new, end)?, Some(json!({"a": 1})), "the renewed session");
    Ok(())
}

pub(super) fn a_move_to_a_taken_key_changes_nothing(fixture: &Fixture) -> Verdict {
    let storage = &fixture.storage;
    let (one, two, three) = (fixture.create(1, &[("n", "1")])?, fixture.create(2, &[("n", "2")])?, fixture.key(3));
    let before = [fixture.there(&one, fixture.start)?.record, fixture.there(&two, fixture.start)?.record];
    let commit = commit_at(setting("x", "1"), fixture.start + MINUTE);
    must_be!(storage.move_to(&one, &two, &commit)?, Moved::Taken, "a move to a key that is taken");
    must_be!(
        [fixture.there(&one, fixture.start)?.record, fixture.there(&two, fixture.start)?.record],
        before,
        "the two sessions"
    );
    moved_at(storage.move_to(&two, &three, &commit))?;
    must_be!(storage.move_to(&one, &two, &commit)?, Moved::Taken, "a move to where the tombstone of a renewal is");
    must_be!(storage.remove(&two)?, Removed::Renewed(three), "the tombstone afterwards");
    Ok(())
}

pub(super) fn of_many_moves_one_wins(fixture: &Fixture) -> Verdict {
    const MOVERS: usize = 8;
    let (storage, now) = (&fixture.storage, fixture.start);
    for round in 0..5 {
        let from = fixture.create(100 * round, &[("a", "1")])?;
        let to = |mover| fixture.key(100 * round + 1 + mover);
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
            movers
                .into_iter()
                .map(|mover| mover.join().map_err(|panic| Flaw::panicked(&*panic)))
                .collect::<Verdict<_>>()
        })?;
        let moved = moved.into_iter().collect::<Result<Vec<_>, _>>()?;
        let won = |moved: &Moved| matches!(moved, Moved::Done { .. });
        must!(moved.iter().filter(|moved| won(moved)).count() == 1, "of {MOVERS} simultaneous renewals: {moved:?}");
        must!(
            moved.iter().all(|moved| won(moved) || *moved == Moved::Renewed(now)),
            "the renewals that lost were answered {moved:?}"
        );
        for (mover, moved) in moved.iter().enumerate() {
            must_be!(
                fixture.found(&to(mover), now)?.is_some(),
                won(moved),
                "whether there is a session under a new key"
            );
            if won(moved) {
                must_be!(storage.remove(&from)?, Removed::Renewed(to(mover)), "a remove of the old key");
            }
        }
    }
    Ok(())
}

pub(super) fn moves_in_cycles_never_wait_for_each_other(fixture: &Fixture) -> Verdict {
    let keys = [fixture.create(1, &[("a", "1")])?, fixture.create(2, &[("a", "1")])?];
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        let threads = [[0, 1], [1, 0]].map(|[from, to]| {
            let (start, keys) = (&start, &keys);
            scope.spawn(move || {
                // Always completes all rounds, because the other thread waits for each.
                let moves = (0..50).map(|_| {
                    start.wait();
                    fixture.storage.move_to(&keys[from], &keys[to], &commit_at(Changes::default(), fixture.start))
                });
                moves.collect::<Vec<_>>()
            })
        });
        for thread in threads {
            for moved in thread.join().map_err(|panic| Flaw::panicked(&*panic))? {
                must_be!(moved?, Moved::Taken, "a move to a key that is taken");
            }
        }
        Ok(())
    })
}
