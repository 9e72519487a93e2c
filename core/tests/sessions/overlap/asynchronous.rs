//! The async manager over the same storages.

use std::sync::Arc;

use gsession::{AnyStorage, AsyncManager, ClientInfo, Delivery, Exchange, Saved, StoreKey, storage::Removed};

use super::{gives_out, sent};
use crate::support::{IDLE, KINDS, NOW, Place};

/// Runs a test on the async face of each storage of the core.
fn async_worlds(run: impl AsyncFn(AsyncManager, &Place)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for kind in KINDS {
        let place = Place::new(kind);
        let storage = Arc::clone(&place.storage);
        let build = |builder: gsession::ManagerBuilder<AsyncManager>| {
            builder.clock(place.clock.clone()).idle_timeout(IDLE).id_generator(place.ids.clone()).build().unwrap()
        };
        #[cfg(feature = "tokio")]
        runtime.block_on(run(build(AsyncManager::builder(AnyStorage::blocking(Arc::clone(&storage)))), &place));
        runtime.block_on(run(build(AsyncManager::builder(AnyStorage::immediate(storage))), &place));
    }
}

#[test]
fn async_requests_lose_nothing_and_add_up() {
    const REQUESTS: usize = 40;
    async_worlds(async |manager, _| {
        let first = manager.begin(None, ClientInfo::default);
        first.set("n", &0).unwrap();
        let id = sent(&first.close().await.unwrap());
        let mut sessions = Vec::new();
        for _ in 0..REQUESTS {
            let session = manager.begin(Some(id.as_str()), ClientInfo::default);
            assert_eq!(session.get::<u32>("n").await.unwrap(), Some(0));
            sessions.push(session);
        }
        let tasks: Vec<_> = (0..REQUESTS)
            .zip(sessions)
            .map(|(number, session)| {
                tokio::spawn(async move {
                    session.set(&format!("key-{number}"), &number).unwrap();
                    session.update("n", |n: Option<u32>| n.unwrap() + 1).await.unwrap();
                    session.close().await.unwrap()
                })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().saved, Saved::Committed);
        }
        let data = manager.begin(Some(id.as_str()), ClientInfo::default).data().await.unwrap();
        assert_eq!(data.len(), REQUESTS + 1);
        assert_eq!(data["n"], REQUESTS);
    });
}

#[test]
fn async_requests_that_straddle_a_logout_bring_nothing_back() {
    async_worlds(async |manager, place| {
        for _ in 0..20 {
            let first = manager.begin(None, ClientInfo::default);
            first.set("user", "ada").unwrap();
            let id = sent(&first.close().await.unwrap());
            let mut running = Vec::new();
            for _ in 0..4 {
                let session = manager.begin(Some(id.as_str()), ClientInfo::default);
                assert!(session.contains_key("user").await.unwrap());
                running.push(session);
            }
            running[0].set("draft", "text").unwrap();
            running[1].renew().unwrap();
            running[2].set("basket", "full").unwrap();
            let logout = manager.begin(Some(id.as_str()), ClientInfo::default);
            logout.destroy();
            assert_eq!(logout.close().await.unwrap().saved, Saved::Destroyed);
            let tasks: Vec<_> =
                running.into_iter().map(|session| tokio::spawn(async move { session.close().await })).collect();
            for task in tasks {
                let closed = task.await.unwrap().unwrap();
                assert!(matches!(closed.saved, Saved::Gone | Saved::Nothing), "{closed:?}");
                assert!(!gives_out(&closed.delivery), "{closed:?}");
            }
            assert_eq!(place.ids.living(&*place.storage, NOW), []);
            assert_eq!(place.survivors(), 0);
        }
    });
}

#[test]
fn async_renewals_leave_one_living_id() {
    async_worlds(async |manager, place| {
        let first = manager.begin(None, ClientInfo::default);
        first.set("user", "ada").unwrap();
        let id = sent(&first.close().await.unwrap());
        let mut sessions = Vec::new();
        for _ in 0..8 {
            let session = manager.begin(Some(id.as_str()), ClientInfo::default);
            assert!(session.contains_key("user").await.unwrap());
            session.renew().unwrap();
            sessions.push(session);
        }
        let close = |session: Exchange| tokio::spawn(async move { session.close().await.unwrap() });
        let tasks: Vec<_> = sessions.into_iter().map(close).collect();
        let mut won = Vec::new();
        for task in tasks {
            let closed = task.await.unwrap();
            match closed.saved {
                Saved::Renewed => won.push(sent(&closed)),
                _ => assert_eq!((closed.saved, closed.delivery), (Saved::Gone, Delivery::Keep)),
            }
        }
        assert_eq!(won.len(), 1);
        assert_eq!(place.ids.living(&*place.storage, NOW), won);
        assert_eq!(place.storage.remove(&StoreKey::of(&id)).unwrap(), Removed::Renewed(StoreKey::of(&won[0])));
        place.storage.remove(&StoreKey::of(&won[0])).unwrap();
    });
}
