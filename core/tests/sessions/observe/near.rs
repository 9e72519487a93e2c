//! Hits and misses of the near cache.

use gsession::AsyncManager;

use super::*;

#[test]
fn a_read_from_the_near_cache_is_a_hit_and_one_from_the_server_a_miss() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let strings = gsession::AnyStorage::new(support::redis::near_strings());
    let recorder = Arc::new(Recorder::default());
    let manager = AsyncManager::builder(strings).observer(recorder.clone()).build().unwrap();
    runtime.block_on(async {
        let session = manager.begin(None, ClientInfo::default);
        session.set("cart", &1).unwrap();
        let Delivery::Send { id, .. } = session.close().await.unwrap().delivery else { panic!("it is new") };
        let key = manager.key_of(&id);
        assert_eq!(recorder.take(), [Told::Created(key)]);
        for is_hit in [false, true, true] {
            let session = manager.begin([id.as_str()], ClientInfo::default);
            assert_eq!(session.get::<u8>("cart").await.unwrap(), Some(1));
            let _ = session.close().await.unwrap();
            assert_eq!(recorder.take(), [Told::NearCache(key, is_hit)]);
        }
    });
    // Without a near cache there is none to report.
    let plain = Scene::new(Kind::RedisString);
    let id = plain.visitor();
    assert!(plain.begin(Some(&id)).contains_key("cart").unwrap());
    assert_eq!(plain.told(), []);
}
