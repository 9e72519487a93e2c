//! When the file system refuses in the middle of something: nothing is left behind, and it is said once.

use std::{fs, path::Path, process::Command, time::Duration};

use gsession::{Changes, FileStorage, Storage, storage::Created};
use tempfile::TempDir;

use crate::support::{NOW, active, child, commit_at, found, key, log, quiet_file, record, setting, wait_until, waits};

/// The number of `fchmod` among the system calls.
const FCHMOD: u32 = if cfg!(target_arch = "x86_64") { 91 } else { 52 };

/// Runs a program for which `fchmod` fails with `EPERM`, as on file systems that know no modes: a filter of system calls
/// (seccomp) is kept when a program is run.
const WITHOUT_FCHMOD: &str = r#"
    my $filter = pack "(SCCL)4", 0x20, 0, 0, 0, 0x15, 0, 1, shift, 0x06, 0, 0, 0x00050001, 0x06, 0, 0, 0x7fff0000;
    my $program = pack "S x6 P", 4, $filter;
    my ($prctl) = shift;
    syscall($prctl, 38, 1, 0, 0, 0) == 0 or die "no new privileges: $!";
    syscall($prctl, 22, 2, $program, 0, 0) == 0 or die "filter: $!";
    exec @ARGV or die "exec: $!";
"#;

fn without_fchmod(name: &str, folder: &Path) {
    let (fchmod, prctl) = (FCHMOD.to_string(), if cfg!(target_arch = "x86_64") { "157" } else { "167" });
    let perl = ["perl", "-e", WITHOUT_FCHMOD, &fchmod, prctl];
    let probe = Command::new("perl").args(&perl[1..]).arg("true").output();
    assert!(
        probe.as_ref().is_ok_and(|probe| probe.status.success()),
        "this test needs perl to install a filter of system calls: {probe:?}"
    );
    child::Process::start(child::command_after(&perl, name, folder.to_str().unwrap())).finish();
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A folder, a sub-folder, a lock and a file: each is made and then given its mode, which fails here.
#[test]
fn what_cannot_be_made_private_is_not_left_behind() {
    const NAME: &str = "file::leftovers::what_cannot_be_made_private_is_not_left_behind";
    let Some(folder) = child::role() else {
        let folder = TempDir::new().unwrap();
        let sessions = folder.path().join("sessions");
        let storage: &dyn Storage = &quiet_file(&sessions);
        for number in [2, 3] {
            storage.create(&key(number), &record(&[("a", "1")]), NOW).unwrap();
        }
        fs::remove_file(sessions.join("02/lock")).unwrap();
        let before = [names(&sessions), names(&sessions.join("02")), names(&sessions.join("03"))];
        without_fchmod(NAME, folder.path());
        let after = [names(&sessions), names(&sessions.join("02")), names(&sessions.join("03"))];
        assert_eq!(after, before);
        assert_eq!(names(folder.path()), ["sessions"]);
        assert!(found(storage, &key(2), NOW).is_some() && found(storage, &key(3), NOW).is_some());
        return;
    };
    let folder = Path::new(&folder);
    assert!(FileStorage::open(folder.join("new")).is_err(), "the mode of a folder");
    let storage: &dyn Storage = &quiet_file(&folder.join("sessions"));
    assert!(storage.create(&key(1), &record(&[]), NOW).is_err(), "the mode of a sub-folder");
    assert!(storage.remove(&key(2)).is_err(), "the mode of a lock");
    // Too long to be appended.
    let commit = commit_at(setting("a", &format!("\"{}\"", "2".repeat(5_000))), NOW);
    assert!(storage.commit(&key(3), &commit).is_err(), "the mode of a file");
    assert!(storage.move_to(&key(3), &key(3 + 64), &commit_at(Changes::default(), NOW)).is_err());
    assert!(found(storage, &key(3), NOW).is_some());
}

/// The touches of many sessions fail again and again, and then they are written after all. In a process of its own, whose log and
/// threads are those of this storage.
#[test]
fn touches_that_fail_are_one_line_until_they_are_written() {
    const NAME: &str = "file::leftovers::touches_that_fail_are_one_line_until_they_are_written";
    const SESSIONS: u8 = 10;
    if child::role().is_none() {
        child::Process::start(child::command(NAME, "alone")).finish();
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions");
    let before = log::mark();
    let said = |what: &str| log::since(before).iter().filter(|line| line.contains(what)).count();
    let (failed, again) = ("touches could not be written", "touches are written again");
    assert_eq!(said(failed), 0);
    let later = NOW + Duration::from_secs(60);
    let storage =
        FileStorage::builder(&path).sweep_interval(Duration::MAX).touch_interval(Duration::from_millis(1)).build();
    let storage: &dyn Storage = &storage.unwrap();
    for number in 0..SESSIONS {
        assert_eq!(storage.create(&key(number), &record(&[("a", "1")]), NOW).unwrap(), Created::Done);
    }
    for (round, at) in [later, later + Duration::from_secs(60)].into_iter().enumerate() {
        // Without its lock nothing in a sub-folder is changed.
        let locks = || (0..SESSIONS).map(|number| path.join(format!("{number:02x}/lock")));
        locks().for_each(|lock| {
            fs::remove_file(&lock).unwrap();
            fs::create_dir(&lock).unwrap();
        });
        for number in 0..SESSIONS {
            storage.touch(&key(number), &active(at)).unwrap();
        }
        wait_until("they fail", || said(failed) > round);
        let waited = waits("gsession-touch");
        wait_until("they are tried again", || waits("gsession-touch") >= waited + 20);
        assert_eq!((said(failed), said(again)), (round + 1, round), "{:?}", log::since(before));
        locks().for_each(|lock| fs::remove_dir(lock).unwrap());
        wait_until("they are written", || said(again) > round);
        for number in 0..SESSIONS {
            let file = path.join(format!("{number:02x}")).join(key(number).to_string());
            let modified = || fs::metadata(&file).unwrap().modified().unwrap();
            wait_until("each is written", || Some(modified()) == at.to_system_time());
        }
    }
    assert_eq!((said(failed), said(again)), (2, 2));
}
