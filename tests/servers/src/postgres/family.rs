//! A server's processes: the first one, and one for each connection and each chore, all in groups of their own.

use std::{fs, path::Path};

use rustix::{
    io::Errno,
    process::{Pid, kill_process},
};

use crate::{process::Signal, wait};

/// The processes that `parent` has started and that have not ended.
pub(super) fn children(parent: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).filter(|&pid| lives(pid)).collect()
}

/// Stops them all in the middle of whatever they do; the parent first, which starts no more of them then.
pub(super) fn freeze(parent: u32) {
    signal(parent, Signal::STOP);
    // A signal is not there at once, and until then the parent may start one more.
    wait::until("a server standing still", || (state(parent) == Some('T')).then_some(()));
    for child in children(parent) {
        signal(child, Signal::STOP);
    }
}

/// Lets them go on.
pub(super) fn thaw(parent: u32) {
    for child in children(parent) {
        signal(child, Signal::CONT);
    }
    signal(parent, Signal::CONT);
}

/// Sends a signal, unless the process has ended meanwhile.
pub(super) fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process id");
    match kill_process(pid, signal) {
        Ok(()) | Err(Errno::SRCH) => {}
        Err(error) => panic!("signalling a server of ours: {error}"),
    }
}

/// Whether a process is there and has not ended. (Nobody may have waited for it yet.)
pub(super) fn lives(pid: u32) -> bool {
    state(pid).is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// What a process does, in the letters of `/proc/*/stat`.
fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    // After the program's name, which stands in brackets and may hold some itself.
    stat.rsplit_once(") ")?.1.chars().next()
}
