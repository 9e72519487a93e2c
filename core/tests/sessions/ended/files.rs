//! Files: other processes, and what waiting costs.

use std::path::Path;

use gsession::FileStorage;
use tempfile::TempDir;

use super::{AnyStorage, AsyncManager, Duration, SessionId, ends, log_in, log_out, renew, until};
use crate::support::{
    child::{Process, command, command_after, role, say},
    log, quiet_file,
};

fn manager(storage: FileStorage) -> AsyncManager {
    AsyncManager::new(storage)
}

/// Without `inotify`, as on other systems.
fn polling(folder: &Path) -> FileStorage {
    let builder = FileStorage::builder(folder).sweep_interval(Duration::MAX).touch_interval(Duration::MAX);
    builder.inotify(false).watch_interval(Duration::from_millis(20)).build().unwrap()
}

#[test]
fn an_end_and_a_renewal_in_another_process_are_noticed() {
    if let Some(role) = role() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (folder, id) = role.split_once(' ').unwrap();
        let manager = manager(quiet_file(Path::new(folder)));
        let id = SessionId::custom(id).unwrap();
        let new = runtime.block_on(renew(&manager, &id));
        say("renewed");
        std::io::stdin().read_line(&mut String::new()).unwrap();
        runtime.block_on(log_out(&manager, &new));
        say("logged out");
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    for open in [quiet_file, polling] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("sessions");
        let manager = manager(open(&path));
        let (id, session) = runtime.block_on(log_in(&manager));
        let waiting = runtime.spawn(session.ended());
        let mut other = Process::start(command(
            "ended::files::an_end_and_a_renewal_in_another_process_are_noticed",
            &format!("{} {}", path.display(), id.as_str()),
        ));
        other.expect("renewed");
        assert!(!waiting.is_finished());
        other.tell("");
        runtime.block_on(ends("another process", waiting));
        other.finish();
    }
}

/// A session whose folder is gone has ended.
#[tokio::test]
async fn the_folder_may_be_deleted_and_made_again() {
    for open in [quiet_file, polling] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("sessions");
        let manager = manager(open(&path));
        let (_, session) = log_in(&manager).await;
        let waiting = tokio::spawn(session.ended());
        tokio::time::sleep(Duration::from_millis(1)).await;
        std::fs::remove_dir_all(&path).unwrap();
        ends("a deleted folder", waiting).await;
        let (id, session) = log_in(&manager).await;
        let waiting = tokio::spawn(session.ended());
        log_out(&self::manager(open(&path)), &id).await;
        ends("a new folder", waiting).await;
    }
}

/// Sessions in one sub-folder, of which some are given up and one is ended.
#[tokio::test]
async fn those_who_give_up_do_not_take_the_watch_of_others() {
    for open in [quiet_file, polling] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("sessions");
        let manager = AsyncManager::new(AnyStorage::new(open(&path)));
        let mut sessions: Vec<(SessionId, gsession::AsyncSession)> = Vec::new();
        // Two in one of the 256 sub-folders.
        let pair = loop {
            let (id, session) = log_in(&manager).await;
            let sub = manager.key_of(&id).as_bytes()[0];
            if let Some((_, other)) = sessions.iter().find(|(id, _)| manager.key_of(id).as_bytes()[0] == sub) {
                break (id, session, other.clone());
            }
            sessions.push((id, session));
        };
        let (id, session, other) = pair;
        let (waiting, gives_up) = (tokio::spawn(session.ended()), tokio::spawn(other.ended()));
        tokio::time::sleep(Duration::from_millis(1)).await;
        gives_up.abort();
        until("it gives up", || gives_up.is_finished()).await;
        log_out(&self::manager(open(&path)), &id).await;
        ends("the other of two", waiting).await;
    }
}

/// In a namespace of its own, where the kernel gives no process an `inotify` descriptor.
#[test]
fn a_kernel_that_watches_nothing_is_told_of_once_and_every_end_is_noticed() {
    if let Some(folder) = role() {
        std::fs::write("/proc/sys/user/max_inotify_instances", "0").unwrap();
        let before = log::mark();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let open = || {
                let builder = FileStorage::builder(&folder).sweep_interval(Duration::MAX).touch_interval(Duration::MAX);
                manager(builder.watch_interval(Duration::from_millis(20)).build().unwrap())
            };
            let (here, there) = (open(), open());
            let mut all = Vec::new();
            for _ in 0..20 {
                let (id, session) = log_in(&here).await;
                all.push((id, tokio::spawn(session.ended())));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            for (id, waiting) in all {
                log_out(&there, &id).await;
                ends("no inotify", waiting).await;
            }
        });
        let lines = log::since(before);
        let warned: Vec<_> = lines.iter().filter(|line| line.contains("cannot be watched")).collect();
        assert_eq!(warned.len(), 1, "{lines:#?}");
        return;
    }
    let folder = TempDir::new().unwrap();
    let name = "ended::files::a_kernel_that_watches_nothing_is_told_of_once_and_every_end_is_noticed";
    let path = folder.path().join("sessions");
    Process::start(command_after(&["unshare", "-r"], name, path.to_str().unwrap())).finish();
}
