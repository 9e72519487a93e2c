//! A refusal of `try_update` is said to be "decided by the value as it is stored now". With the near cache it is not.
#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use gsession::{AsyncManager, ClientInfo, Delivery, Error, Manager, RedisStorage, storage::redis::NearCache};
use gsession_test_servers::RedisServer;

#[derive(Debug)]
enum Refused {
    SoldOut,
    Session(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Session(error)
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_refusal_is_decided_by_what_is_stored() {
    let server = RedisServer::start();
    // Two processes; the first keeps what it reads. The default settings of the cache.
    let here = RedisStorage::builder(&server.url()).near_cache(NearCache::default()).build().unwrap();
    let here = AsyncManager::new(here);
    let there = Manager::new(RedisStorage::builder(&server.url()).build().unwrap());

    let session = here.session(None, ClientInfo::default());
    session.set("tickets", &0).unwrap();
    let Delivery::Send { id, .. } = session.close().await.unwrap().delivery else { panic!("no id") };
    // Another page reads it twice, so that it is cached.
    for _ in 0..2 {
        let page = here.session(Some(id.as_str()), ClientInfo::default());
        assert_eq!(page.get::<u32>("tickets").await.unwrap(), Some(0));
        page.close().await.unwrap();
    }
    // The other process has put one back. It has been told so, and that was a while ago as far as anybody can see.
    let other = there.session(Some(id.as_str()), ClientInfo::default());
    other.set("tickets", &1).unwrap();
    other.close().unwrap();

    let buyer = here.session(Some(id.as_str()), ClientInfo::default());
    let bought = buyer
        .try_update("tickets", |left: Option<u32>| match left {
            Some(n) if n > 0 => Ok(Some(n - 1)),
            _ => Err(Refused::SoldOut),
        })
        .await;
    assert!(matches!(bought, Ok(Some(0))), "refused by a value that is not stored any more: {bought:?}");
}
