//! The note that a session was taken over stays, wherever it is kept.

use gsession::{
    AsyncManager, Clock as _, IntoStorage as _, MemoryStorage, MovingStorage, SystemClock,
    storage::{
        moving::MoveCounts,
        sealed::{KeyRing, Sealed, SealingKey},
    },
};
use gsession_imports::{
    client::Client,
    ours::{Framework, Ours},
    peers::{ActixPeer, Content},
};

use crate::scene::{After, of_cookies};

/// Many visitors come to a storage that is full. The note stays, or the session could be taken over again.
#[test]
fn a_flood_of_visitors_does_not_push_out_the_note() {
    let peer = ActixPeer::cookies(Content::Private);
    let storage = MemoryStorage::builder().max_sessions(20).build();
    let ours = Ours::new(storage, of_cookies(&peer));
    let mut after = After::of(|place| peer.serve(place), &ours, Framework::Axum);
    let before = after.client.clone();
    assert_eq!(after.client.text("/whoami"), "ada");
    assert_eq!(after.client.text("/logout"), "ok");
    for _ in 0..100 {
        assert_eq!(Client::new(after.place.address()).text("/visit"), "1");
    }
    assert_eq!(after.with_old_cookie(&before).text("/whoami"), "nobody");
}

/// What says that a session was taken over is sealed like everything else, and it counts although its key was given up.
#[test]
fn a_sealed_storage_keeps_the_note() {
    let key = |byte| SealingKey::from_bytes([byte; 32]);
    let (old, new) = (|| KeyRing::new(key(1)), || KeyRing::new(key(2)));
    let peer = ActixPeer::cookies(Content::Private);
    let storage = MemoryStorage::new();
    let sealed = |keys| Sealed::new(storage.clone(), keys);
    let ours = Ours::new(sealed(old()), of_cookies(&peer));
    let After { place, mut client, server } = After::of(|place| peer.serve(place), &ours, Framework::Axum);
    let before = client.clone();
    assert_eq!(client.text("/data"), crate::scene::DATA);
    let manager = AsyncManager::new(sealed(old()));
    assert_eq!(futures::executor::block_on(manager.count()).unwrap(), 1);
    drop(server);
    for keys in [new().with_older(key(1)), new()] {
        let _server = Ours::new(sealed(keys), of_cookies(&peer)).serve(Framework::Axum, &place);
        let mut thief = before.clone();
        client.text("/logout");
        assert_eq!(thief.text("/whoami"), "nobody");
    }
}

/// A storage to which the sessions move later.
#[test]
fn a_note_moves_with_the_sessions() {
    for is_moved_at_once in [false, true] {
        let peer = ActixPeer::cookies(Content::Private);
        let (old, new) = (MemoryStorage::new(), MemoryStorage::new());
        let ours = Ours::new(old.clone(), of_cookies(&peer));
        let After { place, mut client, server } = After::of(|place| peer.serve(place), &ours, Framework::Axum);
        let before = client.clone();
        assert_eq!(client.text("/whoami"), "ada");
        drop(server);
        let moving = MovingStorage::new(old, new.clone()).unwrap();
        if is_moved_at_once {
            let (now, mut counts, mut cursor) = (SystemClock.now(), MoveCounts::default(), None);
            loop {
                let page = moving.move_page(cursor.as_ref(), now, &mut counts);
                cursor = futures::executor::block_on(page).unwrap();
                if cursor.is_none() {
                    break;
                }
            }
        }
        let server = Ours::new(moving, of_cookies(&peer)).serve(Framework::Axum, &place);
        assert_eq!(client.text("/whoami"), "ada");
        assert_eq!(client.text("/logout"), "ok");
        assert_eq!(before.clone().text("/whoami"), "nobody");
        drop(server);
        let _server = Ours::new(new, of_cookies(&peer)).serve(Framework::Axum, &place);
        assert_eq!(before.clone().text("/whoami"), "nobody");
    }
}

#[test]
fn a_note_is_no_session() {
    let peer = ActixPeer::cookies(Content::Private);
    let storage = MemoryStorage::new().into_storage();
    let mut after =
        After::of(|place| peer.serve(place), &Ours::new(storage.clone(), of_cookies(&peer)), Framework::Actix);
    assert_eq!(after.client.text("/whoami"), "ada");
    let manager = AsyncManager::new(storage);
    futures::executor::block_on(async {
        assert_eq!(manager.count().await.unwrap(), 1);
        assert_eq!(manager.sessions_of("ada").await.unwrap().len(), 1);
        let (_, info) = manager.sessions_of("ada").await.unwrap().remove(0);
        assert_eq!(info.authenticated_at, None, "when she logged in is not known");
        assert_eq!(manager.destroy_all_of("ada", None).await.unwrap(), 1);
    });
    assert_eq!(after.client.text("/whoami"), "nobody");
}
