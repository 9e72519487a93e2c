//! What it costs to wait for the end of sessions in files (S18). In a program of its own, because it counts threads and descriptors.
#![cfg(all(feature = "tokio", feature = "file", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{path::Path, time::Duration};

use gsession::{AsyncManager, ClientInfo, FileStorage};
use support::{PATIENCE, quiet_file};

const MANY: usize = 1000;

/// How many threads of this process have the name.
fn threads(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path().join("comm"));
    tasks.filter(|comm| std::fs::read_to_string(comm).is_ok_and(|comm| comm.trim_end() == name)).count()
}

/// How many descriptors of this process are of `inotify`.
fn descriptors() -> usize {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().map(|open| open.unwrap().path());
    open.filter(|open| std::fs::read_link(open).is_ok_and(|to| to.to_string_lossy().contains("inotify"))).count()
}

fn polling(folder: &Path) -> FileStorage {
    let builder = FileStorage::builder(folder).sweep_interval(Duration::MAX).touch_interval(Duration::MAX);
    builder.inotify(false).watch_interval(Duration::from_millis(20)).build().unwrap()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_thousand_who_wait_share_one_thread_and_leave_nothing_behind() {
    for (open, watchers, pollers) in [(quiet_file as fn(&Path) -> FileStorage, 1, 0), (polling, 0, 1)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions");
        let manager = AsyncManager::new(open(&path));
        for _ in 0..2 {
            let (mut waiting, mut keys) = (Vec::new(), Vec::new());
            for _ in 0..MANY {
                let request = manager.begin(None, ClientInfo::default);
                request.set("a", &1).unwrap();
                let _ = request.close().await.unwrap();
                keys.push(request.key().unwrap());
                waiting.push(tokio::spawn(request.ended()));
            }
            tokio::task::yield_now().await;
            until("the threads", || (threads("gsession-watch"), threads("gsession-poll")) == (watchers, pollers)).await;
            assert_eq!(descriptors(), watchers);
            assert!(waiting.iter().all(|one| !one.is_finished()));
            if watchers == 1 {
                // Commits and touches are not reported: the thread sleeps on.
                let mut before = support::waits("gsession-watch");
                // The last session was created a moment ago.
                loop {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    if support::waits("gsession-watch")
                        == std::mem::replace(&mut before, support::waits("gsession-watch"))
                    {
                        break;
                    }
                }
                for key in keys.iter().take(20) {
                    let storage = gsession::AnyStorage::new(quiet_file(&path));
                    let access = gsession::storage::Access::active(
                        manager.now(),
                        Duration::from_secs(24 * 60 * 60),
                        Duration::ZERO,
                    );
                    let mut changes = gsession::Changes::default();
                    changes.set("b", "2");
                    let _ = storage.commit(key, &gsession::record::Commit::new(changes, access)).await.unwrap();
                }
                assert_eq!(support::waits("gsession-watch"), before);
            }
            for one in &waiting {
                one.abort();
            }
            drop(waiting);
            until("nothing is left", || {
                (threads("gsession-watch"), threads("gsession-poll"), descriptors()) == (0, 0, 0)
            })
            .await;
        }
    }
}
