//! Clusters and Sentinels.

use super::*;

/// All storages and faces on a cluster, with keys that begin with `prefix`.
fn on_cluster(cluster: &Cluster, prefix: &str) -> Vec<Face> {
    let face = |which: (Form, Side)| {
        let (urls, prefix) = (cluster.urls(), format!("{prefix}{which:?}:"));
        match which.0 {
            Form::Strings => Face::over(which, quick(RedisStorage::cluster(urls)).key_prefix(prefix).build().unwrap()),
            Form::Hashes => {
                Face::over(which, quick(RedisHashStorage::cluster(urls)).key_prefix(prefix).build().unwrap())
            }
        }
    };
    ALL.into_iter().map(face).collect()
}

fn on_sentinels(sentinels: &Sentinels, service: &str) -> Vec<Face> {
    let face = |which: (Form, Side)| {
        let (urls, prefix) = (sentinels.urls(), format!("{which:?}:"));
        match which.0 {
            Form::Strings => {
                Face::over(which, quick(RedisStorage::sentinel(urls, service)).key_prefix(prefix).build().unwrap())
            }
            Form::Hashes => {
                Face::over(which, quick(RedisHashStorage::sentinel(urls, service)).key_prefix(prefix).build().unwrap())
            }
        }
    };
    ALL.into_iter().map(face).collect()
}

/// No key is without an expiry on those of the servers that live and are no replicas.
#[track_caller]
fn assert_all_expire_on(servers: &[RedisServer]) {
    for server in servers {
        let role = Client::connect(server.port(), NO_HANG).and_then(|mut client| client.command(&["ROLE"]));
        if role.is_ok_and(|role| role.list()[0].text() == "master") {
            assert_all_expire(server);
        }
    }
}

fn redis_name(face: &Face, key: &StoreKey) -> Vec<u8> {
    format!("{:?}:{key}", (face.form, face.side)).into_bytes()
}

/// A key on that node of a cluster.
fn key_on(cluster: &Cluster, face: &Face, node: usize) -> StoreKey {
    loop {
        let key = some_key();
        if cluster.node_of(cluster.slot_of(&redis_name(face, &key))) == Some(node) {
            return key;
        }
    }
}

fn some_id() -> SessionId {
    HashedIds::new().generate(&ClientInfo::default()).unwrap()
}

fn living(face: &Face, keys: &[StoreKey]) -> usize {
    keys.iter().filter(|key| support::found(&*face.storage, key, now()).is_some()).count()
}

/// A logout.
fn remove_through(face: &Face, key: StoreKey) -> Result<(), StorageError> {
    let mut next = key;
    while let Removed::Renewed(to) = face.storage.remove(&next)? {
        next = to;
    }
    Ok(())
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

/// A session with the entry a = 1.
fn put(face: &Face, key: &StoreKey) {
    let mut record = Record::new(now(), support::IDLE, None);
    record.entries = support::entries(&[("a", "1")]);
    assert_eq!(face.storage.create(key, &record, now()).unwrap(), Created::Done);
}

fn setting_b() -> Commit {
    support::commit_at(support::setting("b", "2"), now())
}

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

const STEPS: [MoveStep; 3] = [MoveStep::Prepare, MoveStep::Claim, MoveStep::Activate];

#[test]
fn a_move_between_nodes_without_an_answer() {
    let world = Proxied::start();
    for face in on_cluster(&world.cluster, "") {
        for step in STEPS {
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
    }
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

/// Uses sessions for as long as it is told to; how often that worked.
fn use_while(face: &Face, over: &AtomicBool) -> u64 {
    let mut worked = 0;
    while !over.load(Ordering::SeqCst) {
        match timed(|| face.try_login().and_then(|id| face.with(&id).add("n"))) {
            // A failover may lose what was not replicated.
            Ok(1 | 2) | Err(Error::Gone) => worked += 1,
            Ok(other) => panic!("{face:?}: {other}"),
            Err(error) => {
                assert_down(face, &error);
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
    worked
}

#[test]
fn a_primary_dies_while_it_is_used_and_then_all_do() {
    let mut cluster = Cluster::start();
    let faces = on_cluster(&cluster, "");
    let ids: Vec<Vec<SessionId>> = faces.iter().map(|face| (0..15).map(|_| face.login()).collect()).collect();
    let size = |node: usize| cluster.nodes[node].keys("*").len();
    support::wait_until("the replicas have the sessions", || (0..3).all(|node| size(node) == size(node + 3)));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for face in &faces {
            scope.spawn(|| use_while(face, &over));
        }
        thread::sleep(Duration::from_millis(200));
        cluster.fail_over(0);
        over.store(true, Ordering::SeqCst);
    });
    for (face, ids) in faces.iter().zip(&ids) {
        for id in ids {
            assert_eq!(face.until_it_works("reading after a failover", || face.with(id).get("n")), Some(1), "{face:?}");
        }
        for _ in 0..20 {
            let id = face.until_it_works("logging in after a failover", || face.try_login());
            let request = face.with(&id);
            let renewed = face.until_it_works("renewing after a failover", || request.renew().close());
            assert_eq!(face.with(&renewed.unwrap()).get("n").unwrap(), Some(1), "{face:?}");
        }
    }
    assert_all_expire_on(&cluster.nodes);

    let all_fail = || {
        thread::scope(|scope| {
            for face in &faces {
                scope.spawn(move || {
                    for _ in 0..2 {
                        for result in [
                            timed(|| face.try_login()).map(drop),
                            timed(|| face.with(&some_id()).get("n")).map(drop),
                            timed(|| face.with(&some_id()).destroy().save()).map(drop),
                        ] {
                            assert_down(face, &result.unwrap_err());
                        }
                    }
                });
            }
        });
    };
    for node in &cluster.nodes[1..] {
        node.freeze();
    }
    all_fail();
    for node in &mut cluster.nodes[1..] {
        node.thaw();
        node.kill();
    }
    all_fail();
    let urls = cluster.urls();
    assert!(bounded("a dead cluster", move || quick(RedisStorage::cluster(urls)).build().unwrap().check()).is_err());
}

#[test]
fn a_cluster_without_most_of_its_primaries() {
    let mut cluster = Cluster::start();
    let faces = on_cluster(&cluster, "");
    let ids: Vec<SessionId> = faces.iter().map(Face::login).collect();
    for node in [3, 4, 0, 1] {
        cluster.nodes[node].kill();
    }
    support::wait_until("the last primary noticing", || {
        cluster.nodes[2].command(&["CLUSTER", "INFO"]).text().contains("cluster_state:fail")
    });
    for (face, id) in faces.iter().zip(&ids) {
        for _ in 0..5 {
            // Which never looks like a session that has ended.
            for result in [
                timed(|| face.try_login()).map(drop),
                timed(|| face.with(id).get("n")).map(drop),
                timed(|| face.with(id).set("a", 1).save()).map(drop),
                timed(|| face.with(id).destroy().save()).map(drop),
            ] {
                assert_down(face, &result.unwrap_err());
            }
        }
    }
}

#[test]
fn a_primary_of_sentinels_dies_while_it_is_used() {
    let mut sentinels = Sentinels::start();
    let faces = on_sentinels(&sentinels, sentinels.service());
    let ids: Vec<Vec<SessionId>> = faces.iter().map(|face| (0..5).map(|_| face.login()).collect()).collect();
    let have_all = || sentinels.servers.iter().all(|server| server.keys("*").len() == 20);
    support::wait_until("the replicas have the sessions", have_all);
    let over = AtomicBool::new(false);
    let worked: Vec<u64> = thread::scope(|scope| {
        let over = &over;
        let workers: Vec<_> = faces.iter().map(|face| scope.spawn(move || use_while(face, over))).collect();
        thread::sleep(Duration::from_millis(200));
        sentinels.fail_over();
        over.store(true, Ordering::SeqCst);
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert!(worked.iter().all(|&worked| worked > 0), "{worked:?}");
    for (face, ids) in faces.iter().zip(&ids) {
        for id in ids {
            assert_eq!(face.until_it_works("reading after a failover", || face.with(id).get("n")), Some(1), "{face:?}");
        }
        let id = face.until_it_works("logging in after a failover", || face.try_login());
        let request = face.with(&id);
        let renewed = request.renew().close().unwrap().unwrap();
        assert_eq!(face.with(&renewed).get("n").unwrap(), Some(1));
        assert_eq!(face.with(&renewed).destroy().save().unwrap(), Saved::Destroyed);
    }
    assert_all_expire_on(&sentinels.servers);

    // A name that they do not know.
    for face in on_sentinels(&sentinels, "no-such-service") {
        let error = timed(|| face.try_login()).unwrap_err();
        assert_eq!(kind(&error), StorageErrorKind::Unavailable);
        assert!(texts(&error).contains("the Sentinels know no service of this name"), "{}", texts(&error));
    }
    // Some Sentinels are gone, then all. (All have to have heard of the failover, or those that are left never do.)
    let names = |sentinel: &RedisServer| {
        let question = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", sentinels.service()];
        sentinel.command(&question).list().get(1).map(Reply::text)
    };
    let primary = Some(sentinels.servers[sentinels.primary()].port().to_string());
    support::wait_until("all Sentinels naming the primary", || sentinels.sentinels.iter().all(|s| names(s) == primary));
    sentinels.sentinels[0].kill();
    let fresh = on_sentinels(&sentinels, sentinels.service());
    for face in &fresh {
        face.until_it_works("the first Sentinel is dead", || face.try_login());
    }
    sentinels.sentinels[1].freeze();
    for face in on_sentinels(&sentinels, sentinels.service()) {
        face.until_it_works("the second Sentinel is frozen", || face.try_login());
    }
    sentinels.sentinels[1].thaw();
    for sentinel in &mut sentinels.sentinels[1..] {
        sentinel.kill();
    }
    for face in &fresh {
        assert!(face.try_login().is_ok(), "who knows the primary needs no Sentinel");
    }
    for face in on_sentinels(&sentinels, sentinels.service()) {
        assert_down(&face, &timed(|| face.try_login()).unwrap_err());
    }
}
