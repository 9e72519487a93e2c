//! A server that answers late, but within the response timeout: busy with a slow command, writing to its disk, or short of
//! memory. An idle connection that is tried out meanwhile is silent, a new one cannot be made in time, and still every request
//! has its answer.

use std::sync::Barrier;

use super::*;

const PROBE_AFTER: Duration = Duration::from_millis(50);
/// Longer than trying out (half a second) and connecting anew together.
const SLOW_FOR: Duration = Duration::from_secs(2);
/// So much later that the connection would be idle if nobody waited on it.
const LATER: Duration = Duration::from_millis(600);

fn patient<S>(builder: RedisBuilder<S>) -> RedisBuilder<S> {
    builder.connect_timeout(TIMEOUT).response_timeout(NO_HANG).probe_after(PROBE_AFTER)
}

fn patient_at(which: (Form, Side), url: &str) -> Face {
    face!(which, Redis => patient(Redis::builder(url))).unwrap()
}

/// Runs a call while the server is slow.
fn while_slow<T>(server: &RedisServer, call: impl FnOnce() -> T) -> T {
    thread::scope(|scope| {
        server.freeze();
        scope.spawn(|| {
            thread::sleep(SLOW_FOR);
            server.thaw();
        });
        call()
    })
}

fn be_idle() {
    thread::sleep(PROBE_AFTER + Duration::from_millis(10));
}

#[test]
fn over_an_idle_connection() {
    at_once(ALL, |which| {
        let server = RedisServer::start();
        let face = patient_at(which, &server.url());
        face.warm_up();
        let id = face.login();
        be_idle();
        assert_eq!(while_slow(&server, || face.with(&id).get("n")).unwrap(), Some(1), "{face:?}: a read");
        be_idle();
        let saved = while_slow(&server, || face.with(&id).set("n", 2).save());
        assert_eq!(saved.unwrap(), Saved::Committed, "{face:?}: a write");
        // What was answered late is not taken for the answer to what came after it.
        assert_eq!(face.with(&id).get("n").unwrap(), Some(2), "{face:?}");
        assert_eq!(face.with(&id).add("n").unwrap(), 3, "{face:?}");
    });
}

/// Several threads, each of which finds a connection that is idle.
#[test]
fn over_several_idle_connections() {
    const THREADS: u64 = 4;
    at_once(ALL, |which| {
        let server = RedisServer::start();
        let proxy = Proxy::to(server.port());
        let face = patient_at(which, &proxy.url());
        face.warm_up();
        let id = face.login();
        let slow = Barrier::new(THREADS as usize + 1);
        // Answers are held until each thread has asked, so that each has a connection of its own.
        proxy.hold_replies(true);
        thread::scope(|scope| {
            for number in 0..THREADS {
                let (face, id, slow) = (&face, &id, &slow);
                scope.spawn(move || {
                    let before = face.with(id).get("n");
                    slow.wait();
                    slow.wait();
                    // One after the other, so that some find what those before them have found out.
                    thread::sleep(Duration::from_millis(350 * number));
                    let meanwhile = timed(|| face.with(id).get("n"));
                    assert_eq!((before.unwrap(), meanwhile.unwrap()), (Some(1), Some(1)), "{face:?}: {number}");
                });
            }
            proxy.wait_for_held(THREADS);
            proxy.hold_replies(false);
            slow.wait();
            be_idle();
            while_slow(&server, || {
                slow.wait();
            });
        });
    });
}

/// Another request waits on the connection: that is no reason to try it out.
#[test]
fn over_a_connection_on_which_others_wait() {
    let server = RedisServer::start();
    let manager = AsyncManager::new(patient(RedisStorage::builder(&server.url())).build().unwrap());
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let read =
        async |id: &SessionId| manager.begin(Some(id.as_str()), ClientInfo::default).get::<u64>("n").await.unwrap();
    let (id, mut monitor) = runtime.block_on(async {
        let session = manager.begin(None, ClientInfo::default);
        session.set("n", &1).unwrap();
        assert_eq!(session.save().await.unwrap(), Saved::Created);
        let id = session.id().unwrap();
        let monitor = Monitor::of(&server);
        // A sign of life, after which the connection is not idle.
        assert_eq!(read(&id).await, Some(1));
        (id, monitor)
    });
    let answers = while_slow(&server, || {
        runtime.block_on(async {
            let later = async |times| {
                tokio::time::sleep(LATER * times).await;
                read(&id).await
            };
            tokio::join!(read(&id), later(1), later(2))
        })
    });
    assert_eq!(answers, (Some(1), Some(1), Some(1)));
    let names = monitor.seen().names();
    // The first of them may come late enough to find the connection idle.
    assert!(names.iter().filter(|name| *name == "GET").count() == 4, "{names:?}");
    assert!(names.iter().filter(|name| *name == "PING").count() <= 1, "{names:?}");
    assert!(names.iter().filter(|name| *name == "HELLO").count() <= 1, "{names:?}");
}

/// `WAIT` keeps the connection busy that a thread's requests share.
#[test]
fn over_a_connection_on_which_others_wait_for_replicas() {
    let server = RedisServer::start();
    let builder = patient(RedisStorage::builder(&server.url())).wait_for_replicas(1, SLOW_FOR);
    let manager = AsyncManager::new(builder.build().unwrap());
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let session = manager.begin(None, ClientInfo::default);
        session.set("n", &1).unwrap();
        // Nobody confirms, but it is stored.
        assert_eq!(kind(&session.save().await.unwrap_err()), StorageErrorKind::Timeout);
        session.abandon();
        let id = HashedIds::new().generate(&ClientInfo::default()).unwrap();
        let mut monitor = Monitor::of(&server);
        let writing = async {
            let session = manager.begin(None, ClientInfo::default);
            session.set("n", &1).unwrap();
            let error = session.save().await.unwrap_err();
            session.abandon();
            kind(&error)
        };
        let reading = async {
            tokio::time::sleep(LATER).await;
            manager.begin(Some(id.as_str()), ClientInfo::default).get::<u64>("n").await.unwrap()
        };
        assert_eq!(tokio::join!(writing, reading), (StorageErrorKind::Timeout, None));
        let names = monitor.seen().names();
        assert!(names.contains(&"WAIT".to_owned()), "{names:?}");
        assert!(!names.contains(&"HELLO".to_owned()), "another connection was made: {names:?}");
    });
}

/// If the server does not come back, the request ends after the timeouts, each of them once.
#[test]
fn a_server_that_does_not_come_back() {
    let server = RedisServer::start();
    for which in ALL {
        let builder = RedisStorage::builder(&server.url());
        let builder = quick(builder).probe_after(PROBE_AFTER);
        let face = Face::over((Form::Strings, which.1), builder.build().unwrap());
        face.warm_up();
        let id = face.login();
        be_idle();
        server.freeze();
        for _ in 0..2 {
            let error = timed(|| face.with(&id).get("n")).unwrap_err();
            assert_eq!(kind(&error), StorageErrorKind::Timeout, "{face:?}: {}", texts(&error));
        }
        server.thaw();
        assert_eq!(face.until_it_works("reading", || face.with(&id).get("n")), Some(1));
    }
}
