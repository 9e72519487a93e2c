//! What becomes of the changes of a request.

use super::*;

#[test]
fn changes_that_are_stored_are_told_once() {
    for scene in scenes() {
        let id = scene.visitor();
        let stored = Told::Committed(Some(scene.key(&id)), CommitOutcome::Stored, 1);
        let session = scene.begin(Some(&id));
        session.set("cart", &2).unwrap();
        session.set("visits", &1).unwrap();
        let _ = session.close().unwrap();
        assert_eq!(scene.told(), std::slice::from_ref(&stored), "{:?}", scene.place.kind);
        let session = scene.begin(Some(&id));
        session.update("visits", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap();
        let _ = session.close().unwrap();
        assert_eq!(scene.told(), [stored], "{:?}: an update", scene.place.kind);
    }
}

#[test]
fn changes_that_come_too_late_are_told_with_the_reason() {
    for scene in scenes() {
        let kind = scene.place.kind;
        for (outcome, renews) in [(CommitOutcome::Gone, false), (CommitOutcome::Overtaken, true)] {
            for updates in [false, true] {
                let id = scene.visitor();
                let slow = scene.begin(Some(&id));
                assert!(slow.contains_key("cart").unwrap());
                let other = scene.begin(Some(&id));
                if renews {
                    other.renew().unwrap();
                } else {
                    other.destroy();
                }
                let _ = other.close().unwrap();
                scene.told();
                if updates {
                    assert!(matches!(slow.update("cart", |_: Option<u32>| 7), Err(Error::Gone)));
                } else {
                    slow.set("cart", &7).unwrap();
                }
                let _ = slow.close().unwrap();
                let dropped = Told::Committed(Some(scene.key(&id)), outcome, 1);
                assert_eq!(scene.told(), [dropped], "{kind:?}: renews {renews}, updates {updates}");
            }
        }
    }
}

#[test]
fn an_update_that_others_came_before_is_told_with_its_tries() {
    for scene in scenes() {
        let id = scene.visitor();
        let gate = scene.storage.before(Op::Commit);
        let add = || {
            let session = scene.begin(Some(&id));
            session.update("cart", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap();
            let _ = session.close().unwrap();
        };
        thread::scope(|scope| {
            let slow = scope.spawn(add);
            gate.reached();
            add();
            drop(gate);
            slow.join().unwrap();
        });
        let stored = |tries| Told::Committed(Some(scene.key(&id)), CommitOutcome::Stored, tries);
        assert_eq!(scene.told(), [stored(1), stored(2)], "{:?}", scene.place.kind);
    }
}
