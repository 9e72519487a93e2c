//! Moves between nodes of which the answer to a step is lost.

use super::*;

/// The step of a move between nodes whose answer is lost.
#[derive(Debug, Clone, Copy)]
enum MoveStep {
    /// The session is prepared under the new key.
    Prepare,
    /// It is replaced by a tombstone under the old one.
    Claim,
    /// What was prepared becomes the session.
    Activate,
}

const STEPS: [MoveStep; 3] = [MoveStep::Prepare, MoveStep::Claim, MoveStep::Activate];

/// A cluster whose first two nodes are reached through proxies.
struct Proxied {
    cluster: Cluster,
    proxies: [Proxy; 2],
}

impl Proxied {
    fn start() -> Self {
        let cluster = Cluster::start();
        let proxies = [0, 1].map(|node| Proxy::to(cluster.nodes[node].port()));
        for (node, proxy) in cluster.nodes.iter().zip(&proxies) {
            node.command(&["CONFIG", "SET", "cluster-announce-port", &proxy.port().to_string()]);
        }
        support::wait_until("all nodes know the proxies", || {
            cluster.nodes.iter().all(|node| {
                let slots = node.command(&["CLUSTER", "NODES"]).text();
                proxies.iter().all(|proxy| slots.contains(&format!(":{}@", proxy.port())))
            })
        });
        Self { cluster, proxies }
    }

    /// A key on one of the two nodes.
    fn key_on(&self, face: &Face, node: usize) -> StoreKey {
        let range = [0..=5460, 5461..=10922][node].clone();
        loop {
            let key = some_key();
            if range.contains(&self.cluster.slot_of(&redis_name(face, &key))) {
                return key;
            }
        }
    }

    /// Begins a move of a new session, of which a step is done and its answer lost; the old key and the new one.
    fn lose(&self, face: &Face, step: MoveStep) -> (StoreKey, StoreKey) {
        let (from, to) = (self.key_on(face, 0), self.key_on(face, 1));
        put(face, &from);
        // There are connections, and they are fresh.
        assert_eq!(living(face, &[from, to]), 1);
        let [old, new] = &self.proxies;
        let (late, swallowing) = match step {
            MoveStep::Prepare => (None, new),
            MoveStep::Claim => (Some(1), old),
            MoveStep::Activate => (Some(0), new),
        };
        let error = thread::scope(|scope| {
            if let Some(late) = late {
                // The step before takes a while, in which answers begin to vanish.
                self.cluster.nodes[late].command(&["CLIENT", "PAUSE", "200", "WRITE"]);
                scope.spawn(|| {
                    thread::sleep(Duration::from_millis(100));
                    swallowing.swallow_replies(true);
                });
            } else {
                swallowing.swallow_replies(true);
            }
            timed(|| face.storage.move_to(&from, &to, &setting_b()))
        });
        swallowing.swallow_replies(false);
        let error = error.expect_err("an answer was lost");
        assert_eq!(error.kind(), StorageErrorKind::Timeout, "{face:?}: {step:?}: {}", texts(&error));
        (from, to)
    }
}

fn until_done<T>(what: &str, mut call: impl FnMut() -> Result<T, StorageError>) -> T {
    let start = Instant::now();
    loop {
        match timed(&mut call) {
            Ok(done) => return done,
            Err(error) => assert!(start.elapsed() < NO_HANG, "{what}: {}", texts(&error)),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_move_between_nodes_without_an_answer() {
    at_once([Form::Strings, Form::Hashes], |form| {
        let world = Proxied::start();
        let faces = on_cluster(&world.cluster, "").into_iter().filter(|face| face.form == form);
        for (face, step) in faces.flat_map(|face| STEPS.map(|step| (face.clone(), step))) {
            let what = format!("{face:?}: {step:?}");

            // Tried again.
            let (from, to) = world.lose(&face, step);
            let state = match step {
                MoveStep::Prepare => (1, 0),
                MoveStep::Claim => (0, 0),
                MoveStep::Activate => (0, 1),
            };
            let lives = |key| until_done(&what, || face.storage.load(key, &Access::passive(now())));
            let lives = |key| usize::from(matches!(lives(key), Lookup::Found(_)));
            assert_eq!((lives(&from), lives(&to)), state, "{what}: another step than meant");
            let moved = until_done(&what, || face.storage.move_to(&from, &to, &setting_b()));
            assert!(!matches!(moved, Moved::Gone), "{what}: {moved:?}");
            assert_eq!(living(&face, &[from]), 0, "{what}");
            let entries = support::stored(&*face.storage, &to, now()).expect(&what);
            assert_eq!(entries, [("a".into(), "1".into()), ("b".into(), "2".into())], "{what}");
            remove_through(&face, from).unwrap();
            assert_eq!(living(&face, &[from, to]), 0, "{what}");

            // Ended by somebody else, and then tried again.
            let (from, to) = world.lose(&face, step);
            until_done(&what, || remove_through(&face, from));
            assert_eq!(living(&face, &[from, to]), 0, "{what}");
            let moved = until_done(&what, || face.storage.move_to(&from, &to, &setting_b()));
            assert!(matches!(moved, Moved::Gone), "{what}: {moved:?}");
            assert_eq!(living(&face, &[from, to]), 0, "{what}: a session is back from the dead");

            // Moved elsewhere by somebody else, and then tried again.
            let (from, to) = world.lose(&face, step);
            let other = world.key_on(&face, 0);
            let moves = [other, to].map(|to| until_done(&what, || face.storage.move_to(&from, &to, &setting_b())));
            assert_eq!(living(&face, &[from, to, other]), 1, "{what}: {moves:?}");
            until_done(&what, || remove_through(&face, from));
            assert_eq!(living(&face, &[from, to, other]), 0, "{what}");

            // Left alone.
            let (from, to) = world.lose(&face, step);
            assert!(until_done(&what, || face.storage.remove(&some_key())) == Removed::Absent);
            assert_all_expire_on(&world.cluster.nodes);
            until_done(&what, || remove_through(&face, from));
            assert_eq!(living(&face, &[from, to]), 0, "{what}");
        }
    });
}

/// Whoever is told that a move is done is told that these changes are stored.
#[test]
fn what_a_move_between_nodes_is_tried_again_with_is_stored() {
    let world = Proxied::start();
    for face in on_cluster(&world.cluster, "") {
        for step in STEPS {
            let what = format!("{face:?}: {step:?}");
            let (from, to) = world.lose(&face, step);
            let mut changes = support::setting("b", "2");
            changes.set("c", "3");
            let commit = support::commit_at(changes, now());
            let moved = until_done(&what, || face.storage.move_to(&from, &to, &commit));
            let entries = support::stored(&*face.storage, &to, now()).expect(&what);
            if matches!(moved, Moved::Done { .. }) {
                assert!(
                    entries.iter().any(|(key, _)| key == "c"),
                    "{what}: told to be done, and not stored: {entries:?}"
                );
            }
        }
    }
}
