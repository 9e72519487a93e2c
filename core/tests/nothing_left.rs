//! What sessions leave behind when they have come and gone: nothing that grows with their number, neither in the memory of the
//! process nor in the folder, whatever way they went. In a program of its own, because everything that it allocates is counted.
#![cfg(all(feature = "redis", feature = "file", feature = "tokio", unix))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{alloc::System, path::Path, time::Duration};

use gsession::{
    AsyncManager, ClientInfo, Delivery, Exchange, IntoStorage, ManualClock, RedisHashStorage, RedisStorage, Saved,
    SessionId, StoreKey, storage::redis::NearCache,
};
use gsession_test_servers::RedisServer;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use support::{IDLE, NOW, quiet_file, quiet_memory};
use tempfile::TempDir;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Sessions of each kind in a generation.
const SESSIONS: usize = 15;
/// Generations until tables and buffers have about the size that they keep.
const FIRST: usize = 3;
/// Generations that must not add anything.
const MORE: usize = 10;

/// The ways in which a session goes.
const ENDS: [End; 5] = [End::Logout, End::RenewedThenLogout, End::OfPrincipal, End::Expiry, End::Dropped];

#[derive(Debug, Clone, Copy)]
enum End {
    Logout,
    RenewedThenLogout,
    /// All of a principal's sessions are ended.
    OfPrincipal,
    /// Nobody comes back, until it is over.
    Expiry,
    /// A request is dropped in the middle of storing, and nobody comes back.
    Dropped,
}

/// The bytes that are allocated now.
fn allocated() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

fn open(manager: &AsyncManager, id: &SessionId) -> Exchange {
    manager.begin(Some(id.as_str()), ClientInfo::default)
}

fn sent(delivery: Delivery) -> SessionId {
    match delivery {
        Delivery::Send { id, .. } => id,
        other => panic!("no id for the client: {other:?}"),
    }
}

async fn live_and_go(manager: &AsyncManager, end: End, user: &str) {
    let session = manager.begin(None, ClientInfo::default);
    session.set("user", user).unwrap();
    session.set_principal(user).unwrap();
    let mut id = sent(session.close().await.unwrap().delivery);
    drop(session);
    for _ in 0..2 {
        let session = open(manager, &id);
        assert_eq!(session.get::<String>("user").await.unwrap().as_deref(), Some(user));
        session.update("visits", |n: Option<u64>| n.unwrap_or(0) + 1).await.unwrap();
        let _ = session.close().await.unwrap();
    }
    match end {
        End::Expiry => {}
        End::Logout | End::RenewedThenLogout => {
            if let End::RenewedThenLogout = end {
                for _ in 0..2 {
                    let straggler = open(manager, &id);
                    assert!(straggler.contains_key("user").await.unwrap());
                    let session = open(manager, &id);
                    session.renew().unwrap();
                    let new = sent(session.close().await.unwrap().delivery);
                    // What began before the renewal comes too late.
                    straggler.set("late", &true).unwrap();
                    assert_eq!(straggler.save().await.unwrap(), Saved::Gone);
                    let _ = straggler.close().await.unwrap();
                    id = new;
                }
            }
            let session = open(manager, &id);
            session.destroy();
            let _ = session.close().await.unwrap();
            // Somebody tries the dead id.
            let late = open(manager, &id);
            assert!(!late.contains_key("user").await.unwrap());
            assert!(matches!(late.close().await.unwrap().delivery, Delivery::Keep));
        }
        End::OfPrincipal => assert_eq!(manager.destroy_all_of(user, None).await.unwrap(), 1),
        End::Dropped => {
            let session = open(manager, &id);
            session.set("half", &true).unwrap();
            let close = session.close();
            futures::pin_mut!(close);
            // Where it is not done at once, it is dropped here.
            let _ = futures::poll!(close);
        }
    }
}

/// Generation after generation, the clock moves on and what is over is swept. Afterwards no bytes may have come to stay.
async fn generations(name: &str, storage: impl IntoStorage, ends: &[End]) {
    // Half of what a single key for each session would take: tables and buffers still vary.
    let slack = MORE * SESSIONS * ends.len() * size_of::<StoreKey>() / 2;
    let clock = ManualClock::new(NOW);
    let manager = AsyncManager::builder(storage).clock(clock.clone()).idle_timeout(IDLE).build().unwrap();
    let mut before = 0;
    for generation in 0..FIRST + MORE {
        if generation == FIRST {
            before = allocated();
        }
        for number in 0..SESSIONS {
            for &end in ends {
                live_and_go(&manager, end, &format!("user-{generation}-{number}-{end:?}")).await;
            }
        }
        clock.advance(IDLE * 2);
        manager.sweep().await.unwrap();
    }
    let stayed = allocated().saturating_sub(before);
    assert!(stayed <= slack, "{name}: {stayed} bytes stay");
}

/// The files in a folder, below its sub-folders.
fn files_in(folder: &Path) -> Vec<String> {
    let names = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = names(folder).filter(|path| path.is_dir()).flat_map(|sub| names(&sub).collect::<Vec<_>>());
    files.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn nothing_grows_with_the_sessions_that_have_gone() {
    // In one test, since everything that is allocated meanwhile counts.
    generations("memory", quiet_memory(), &ENDS).await;

    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    generations("file", quiet_file(&path), &ENDS).await;
    let files: Vec<String> =
        files_in(&path).into_iter().filter(|name| name != "lock" && name != "principals.lock").collect();
    assert_eq!(files, [""; 0], "of sessions that are gone");

    // Redis goes by its own clock, so that no session expires by ours.
    let ends = [End::Logout, End::RenewedThenLogout, End::OfPrincipal];
    let near = NearCache::default().max_sessions(50);
    for (name, is_near) in [("redis", false), ("redis with the near cache", true)] {
        let server = RedisServer::start();
        let strings = RedisStorage::builder(&server.url());
        let strings = if is_near { strings.near_cache(near) } else { strings };
        generations(name, strings.build().unwrap(), &ends).await;
        let hashes = RedisHashStorage::builder(&server.url());
        let hashes = if is_near { hashes.near_cache(near) } else { hashes };
        generations(name, hashes.build().unwrap(), &ends).await;
        // What is left are tombstones of renewals, which go by themselves, and the mark of the index.
        let soon = Duration::from_secs(60).as_millis() as i64;
        for key in server.keys("*").into_iter().filter(|key| key != b"gsession:indexed") {
            let left = server.command(&[b"PTTL".as_slice(), &key]).int();
            assert!(left <= soon && left != -1, "{name}: {} stays for {left} ms", String::from_utf8_lossy(&key));
        }
    }
}
