//! The near cache between processes and between threads: what one has changed, the others see.

use std::{sync::mpsc, thread, time::Duration};

use gsession::{
    AnyStorage, AsyncManager, ClientInfo, Delivery, Error, Exchange, IntoStorage, ManualClock, RedisHashStorage,
    RedisStorage, SessionId, storage::redis::NearCache,
};
use gsession_test_servers::{Proxy, RedisServer, wait};
use tokio::runtime::Handle;

/// Believes its connection until it hears something.
fn trusting() -> NearCache {
    NearCache::default().trust_for(Duration::MAX)
}

fn open(manager: &AsyncManager, id: &SessionId) -> Exchange {
    manager.begin(Some(id.as_str()), ClientInfo::default)
}

async fn log_in(manager: &AsyncManager) -> SessionId {
    let session = manager.begin(None, ClientInfo::default);
    session.set("user", "ada").unwrap();
    let Delivery::Send { id, .. } = session.close().await.unwrap().delivery else { panic!("a new session has an id") };
    id
}

async fn log_out(manager: &AsyncManager, id: &SessionId) {
    let session = open(manager, id);
    session.destroy();
    let _ = session.close().await.unwrap();
}

async fn is_logged_in(manager: &AsyncManager, id: &SessionId) -> Result<bool, Error> {
    let session = open(manager, id);
    let is_there = session.contains_key("user").await?;
    let _ = session.close().await?;
    Ok(is_there)
}

/// Two storages as two processes have them, on both layouts; the second reaches the server through a proxy.
fn two_processes(cache: NearCache) -> Vec<(RedisServer, Proxy, AsyncManager, AsyncManager)> {
    let strings = |url: &str| {
        let soon = Duration::from_millis(300);
        let storage = RedisStorage::builder(url).near_cache(cache).response_timeout(soon).connect_timeout(soon);
        AsyncManager::new(storage.build().unwrap())
    };
    let hashes = |url: &str| {
        let soon = Duration::from_millis(300);
        let storage = RedisHashStorage::builder(url).near_cache(cache).response_timeout(soon).connect_timeout(soon);
        AsyncManager::new(storage.build().unwrap())
    };
    let place = |manager: &dyn Fn(&str) -> AsyncManager| {
        let server = RedisServer::start();
        let proxy = Proxy::to(server.port());
        let (here, there) = (manager(&server.url()), manager(&proxy.url()));
        (server, proxy, here, there)
    };
    vec![place(&strings), place(&hashes)]
}

/// Reads until the session is cached: twice in a row without asking.
async fn cache(manager: &AsyncManager, proxy: &Proxy, id: &SessionId) {
    for _ in 0..10 {
        proxy.reset();
        assert!(is_logged_in(manager, id).await.unwrap());
        if proxy.round_trips() == 0 {
            return;
        }
    }
    panic!("the session is never cached");
}

#[tokio::test]
async fn a_logout_in_one_process_is_seen_by_another_as_soon_as_it_is_told() {
    for (_server, proxy, here, there) in two_processes(trusting()) {
        for _ in 0..20 {
            let id = log_in(&here).await;
            cache(&there, &proxy, &id).await;
            log_out(&here, &id).await;
            // Nothing but the server's word ends what is cached.
            let mut looks = 0;
            while is_logged_in(&there, &id).await.unwrap() {
                looks += 1;
                assert!(looks < 10_000, "the logout is never seen");
                tokio::task::yield_now().await;
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

#[tokio::test]
async fn a_change_in_one_process_is_seen_by_another() {
    for (_server, proxy, here, there) in two_processes(trusting()) {
        let id = log_in(&here).await;
        cache(&there, &proxy, &id).await;
        let session = open(&here, &id);
        session.set("cart", &[1, 2]).unwrap();
        let _ = session.close().await.unwrap();
        let mut looks = 0;
        while open(&there, &id).get::<Vec<u8>>("cart").await.unwrap().is_none() {
            looks += 1;
            assert!(looks < 10_000, "the change is never seen");
            tokio::task::yield_now().await;
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The connection is cut without notice: a cached session is believed no longer than it was set.
#[tokio::test]
async fn a_silent_connection_is_believed_for_the_set_time_and_no_longer() {
    let trust = Duration::from_millis(200);
    for (_server, proxy, here, there) in two_processes(NearCache::default().trust_for(trust)) {
        let id = log_in(&here).await;
        cache(&there, &proxy, &id).await;
        proxy.stall(true);
        log_out(&here, &id).await;
        thread::sleep(trust);
        // From now on it may not be believed: there is an error, because the server does not answer, but no false login.
        for _ in 0..3 {
            assert!(matches!(is_logged_in(&there, &id).await, Err(Error::Storage(_))));
        }
        proxy.stall(false);
        let mut looks = 0;
        // Service again, and the logout is seen, without a new storage.
        let seen = loop {
            match is_logged_in(&there, &id).await {
                Ok(seen) => break seen,
                Err(_) => {
                    looks += 1;
                    assert!(looks < 1000, "no service again");
                    thread::sleep(Duration::from_millis(10));
                }
            }
        };
        assert!(!seen);
    }
}

/// With a longer time, it is believed longer: the setting is what bounds it.
#[tokio::test]
async fn the_bound_is_the_setting() {
    for (_server, proxy, here, there) in two_processes(trusting()) {
        let id = log_in(&here).await;
        cache(&there, &proxy, &id).await;
        proxy.stall(true);
        log_out(&here, &id).await;
        assert!(is_logged_in(&there, &id).await.unwrap());
        proxy.stall(false);
    }
}

#[tokio::test]
async fn what_was_cached_of_a_broken_connection_is_forgotten() {
    for (_server, proxy, here, there) in two_processes(trusting()) {
        let id = log_in(&here).await;
        cache(&there, &proxy, &id).await;
        proxy.refuse(true);
        proxy.cut();
        log_out(&here, &id).await;
        let mut looks = 0;
        while !matches!(is_logged_in(&there, &id).await, Err(Error::Storage(_))) {
            looks += 1;
            assert!(looks < 1000, "a broken connection is believed");
            tokio::task::yield_now().await;
            thread::sleep(Duration::from_millis(1));
        }
        proxy.refuse(false);
        let mut looks = 0;
        while is_logged_in(&there, &id).await.unwrap_or(true) {
            looks += 1;
            assert!(looks < 1000, "the logout is never seen");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// What is cached may be older than the id that a client presents. That is no theft: nobody is logged out, and nothing is reported.
#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_newer_than_what_is_cached_is_not_taken_for_a_stolen_one() {
    let period = Duration::from_secs(15 * 60);
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port());
    let clock = ManualClock::default();
    let strings = |url: &str| RedisStorage::builder(url).near_cache(trusting()).build().unwrap().into_storage();
    let hashes = |url: &str| RedisHashStorage::builder(url).near_cache(trusting()).build().unwrap().into_storage();
    let layouts: [&dyn Fn(&str) -> AnyStorage; 2] = [&strings, &hashes];
    for layout in layouts {
        let builder = |url: &str| AsyncManager::builder(layout(url)).clock(clock.clone());
        let here = builder(&server.url()).rotate_every(period).build().unwrap();
        // This one rotates nothing itself, so that it caches the session although that is due.
        let there = builder(&proxy.url()).build().unwrap();
        let rotate = async |id: &SessionId| {
            let session = open(&here, id);
            assert!(session.contains_key("user").await.unwrap());
            let Delivery::Send { id, .. } = session.close().await.unwrap().delivery else { panic!("it was due") };
            assert!(is_logged_in(&here, &id).await.unwrap());
            id
        };
        let mut first = log_in(&here).await;
        clock.advance(period);
        first = rotate(&first).await;
        clock.advance(period);
        cache(&there, &proxy, &first).await;
        // The message that the session has changed is held up, and the thread is asked for an id that it cannot know.
        proxy.hold_replies(true);
        let second = rotate(&first).await;
        proxy.wait_for_held(1);
        proxy.reset();
        thread::scope(|scope| {
            let release = || {
                // What is cached says that the id is not current, so the server is asked.
                wait::until("a request", || (proxy.sent() > 0).then_some(()));
                proxy.hold_replies(false);
            };
            let releasing = scope.spawn(release);
            // On this thread, because each has its own cache.
            let seen = tokio::task::block_in_place(|| Handle::current().block_on(is_logged_in(&there, &second)));
            releasing.join().unwrap();
            assert!(seen.unwrap());
        });
        assert!(is_logged_in(&here, &second).await.unwrap(), "the session lives");
    }
}

/// A write on one thread, whose answer has left, is seen by the next request on another (S8), whatever that has cached.
#[test]
fn a_thread_sees_at_once_what_another_has_written() {
    let server = RedisServer::start();
    let strings = RedisStorage::builder(&server.url()).near_cache(trusting()).build().unwrap();
    let hashes = RedisHashStorage::builder(&server.url()).near_cache(trusting()).build().unwrap();
    for manager in [AsyncManager::new(strings), AsyncManager::new(hashes)] {
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let id = runtime().block_on(log_in(&manager));
        let (ask, asked) = mpsc::channel::<u32>();
        let (answer, answered) = mpsc::channel::<Option<u32>>();
        thread::scope(|scope| {
            let (reader, id) = (manager.clone(), &id);
            scope.spawn(move || {
                let runtime = runtime();
                while asked.recv().is_ok() {
                    let seen = runtime.block_on(async {
                        let session = open(&reader, id);
                        session.get::<u32>("n").await.unwrap()
                    });
                    answer.send(seen).unwrap();
                }
            });
            let runtime = runtime();
            for number in 0..300 {
                runtime.block_on(async {
                    let session = open(&manager, id);
                    session.set("n", &number).unwrap();
                    let _ = session.close().await.unwrap();
                });
                // Twice, so that the second read finds something cached.
                for _ in 0..2 {
                    ask.send(number).unwrap();
                    assert_eq!(answered.recv().unwrap(), Some(number));
                }
            }
            drop(ask);
        });
    }
    wait::until("the server living", || (server.command(&["PING"]).text() == "PONG").then_some(()));
}
