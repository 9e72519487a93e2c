//! Moves between nodes: full ones, and several at once.

use super::*;

/// A key on that node of a cluster.
fn key_on(cluster: &Cluster, face: &Face, node: usize) -> StoreKey {
    loop {
        let key = some_key();
        if cluster.node_of(cluster.slot_of(&redis_name(face, &key))) == Some(node) {
            return key;
        }
    }
}

#[test]
fn a_move_to_or_from_a_full_node_changes_nothing() {
    let cluster = Cluster::start();
    for face in on_cluster(&cluster, "") {
        for full in [0, 1] {
            let what = format!("{face:?}: the {} node is full", if full == 0 { "old one's" } else { "new one's" });
            let (from, to) = (key_on(&cluster, &face, 0), key_on(&cluster, &face, 1));
            put(&face, &from);
            cluster.nodes[full].command(&["CONFIG", "SET", "maxmemory", "1"]);
            let moved = face.storage.move_to(&from, &to, &setting_b());
            let entries = support::stored(&*face.storage, &from, now());
            let is_moved = living(&face, &[to]) > 0;
            cluster.nodes[full].command(&["CONFIG", "SET", "maxmemory", "0"]);
            let error = moved.map(drop).expect_err(&what);
            assert_eq!(error.kind(), StorageErrorKind::Full, "{what}: {}", texts(&error));
            assert_eq!(entries, Some(vec![("a".into(), "1".into())]), "{what}");
            assert!(!is_moved, "{what}");
            let moved = face.storage.move_to(&from, &to, &setting_b()).unwrap();
            assert!(matches!(moved, Moved::Done { .. }), "{what}: {moved:?}");
        }
    }
    assert_all_expire_on(&cluster.nodes);
}

/// Two moves, a commit and a logout of one session, at random times.
#[test]
fn moves_commits_and_logouts_at_once() {
    let cluster = Cluster::start();
    for face in on_cluster(&cluster, "") {
        for round in 0..150_u64 {
            let (from, one, two) = (some_key(), some_key(), some_key());
            put(&face, &from);
            let barrier = std::sync::Barrier::new(4);
            let begin = |share: u64| {
                barrier.wait();
                let until = Instant::now() + Duration::from_micros(round * 7919 * (share + 1) % 1500);
                while Instant::now() < until {
                    std::hint::spin_loop();
                }
            };
            let ends = round % 2 == 0;
            let (moves, committed) = thread::scope(|scope| {
                let moves = [one, two].map(|to| {
                    let (face, begin) = (&face, &begin);
                    scope.spawn(move || {
                        begin(u64::from(to == two));
                        let commit = Commit::new(Changes::default(), support::active(now()));
                        face.storage.move_to(&from, &to, &commit).unwrap()
                    })
                });
                let commit = scope.spawn(|| {
                    begin(2);
                    face.storage.commit(&from, &setting_b()).unwrap()
                });
                let remove = scope.spawn(|| {
                    begin(3);
                    if ends {
                        remove_through(&face, from).unwrap();
                    }
                });
                remove.join().unwrap();
                (moves.map(|moved| moved.join().unwrap()), commit.join().unwrap())
            });
            let what = format!("{face:?}, round {round}: {moves:?}, {committed:?}");
            let won = moves.iter().filter(|moved| matches!(moved, Moved::Done { .. })).count();
            let lives = living(&face, &[from, one, two]);
            if ends {
                assert!(won <= 1 && lives == 0, "{what}: {lives} live after a logout");
                continue;
            }
            assert_eq!((won, lives), (1, 1), "{what}");
            let to = if matches!(moves[0], Moved::Done { .. }) { one } else { two };
            let entries = support::stored(&*face.storage, &to, now()).expect(&what);
            let has = entries.iter().any(|(key, _)| key == "b");
            assert_eq!(has, matches!(committed, Committed::Done { .. }), "{what}: a commit was lost, or made up");
        }
    }
    assert_all_expire_on(&cluster.nodes);
}
