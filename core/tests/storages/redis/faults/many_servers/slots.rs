//! Slots that move.

use super::*;

#[test]
fn a_slot_moves_while_it_is_used() {
    let cluster = Cluster::start();
    // All keys in one slot.
    let slot = cluster.slot_of(b"{moving}");
    let over = AtomicBool::new(false);
    let use_it = |face: Face| {
        let (mut count, mut kept) = (0_u64, Vec::new());
        while !over.load(Ordering::SeqCst) {
            let old = face.login();
            for n in 2..5 {
                assert_eq!(face.with(&old).add("n").unwrap(), n, "{face:?}");
                assert_eq!(face.with(&old).set("x", n).save().unwrap(), Saved::Committed, "{face:?}");
                assert_eq!(face.with(&old).get("x").unwrap(), Some(n), "{face:?}");
            }
            let request = face.with(&old);
            let id = request.renew().close().unwrap().expect("a renewed session has an id to send");
            assert_eq!(face.with(&old).get("n").unwrap(), None, "{face:?}");
            assert_eq!(face.with(&id).get("n").unwrap(), Some(4), "{face:?}");
            if count % 4 == 0 {
                kept.push(id);
            } else {
                assert_eq!(face.with(&id).destroy().save().unwrap(), Saved::Destroyed, "{face:?}");
                assert_eq!(face.with(&id).get("n").unwrap(), None, "{face:?}");
            }
            count += 1;
        }
        for id in &kept {
            assert_eq!(face.with(id).get("n").unwrap(), Some(4), "{face:?}");
        }
        count
    };
    let counts: Vec<u64> = thread::scope(|scope| {
        let use_it = &use_it;
        let faces = on_cluster(&cluster, "{moving}").into_iter();
        let workers: Vec<_> = faces.map(|face| scope.spawn(move || use_it(face))).collect();
        for _ in 0..6 {
            let from = cluster.node_of(slot).unwrap();
            let to = (from + 1) % 3;
            cluster.begin_migration(slot, from, to);
            thread::sleep(Duration::from_millis(60));
            cluster.move_keys(slot, from, to);
            thread::sleep(Duration::from_millis(20));
            // What is written at the new one meanwhile is not moved; nothing can be left.
            cluster.move_keys(slot, from, to);
            cluster.finish_migration(slot, to);
            thread::sleep(Duration::from_millis(150));
        }
        over.store(true, Ordering::SeqCst);
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert!(counts.iter().all(|&count| count > 3), "{counts:?}");
    assert_all_expire_on(&cluster.nodes);
}
