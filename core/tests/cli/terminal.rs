//! People at a terminal, pipes that are closed, and Ctrl-C.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, Stdio},
};

use gsession::Login;
use gsession_test_servers::RedisServer;
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    program::{Run, command},
    shop::{Shop, key_of},
};

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let shop = Shop::of_files();
    for number in 0..700 {
        let label = format!("{number} {}", "x".repeat(90));
        shop.manager.begin(None, gsession::ClientInfo::default).log_in(Login::new("ada").label(label)).unwrap();
    }
    // More than a pipe holds, so that the program is still writing when its reader is gone.
    let listed = shop.run(&["list", "ada", "--json"]).done();
    assert!(listed.len() > 1 << 17, "{}", listed.len());
    for arguments in [&["list", "ada"][..], &["list", "ada", "--json"]] {
        let mut child = shop.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert!(!first.is_empty());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }
    // Nobody reads anything.
    for arguments in [&["count"][..], &["check"], &["list", "ada"], &["sweep", "--json"], &["--help"]] {
        let (status, said) = unread(&shop, arguments);
        assert!(status == Some(0) && said.is_empty(), "{arguments:?}: {status:?} {said}");
    }
    // What has failed is still said, and still a failure.
    let nothing = gsession::StoreKey::from_bytes([7; 32]).to_string();
    for arguments in [&["end", &nothing, "--json"][..], &["end-all", "eve", "--yes", "--json"], &["list", "eve"]] {
        let (status, why) = unread(&shop, arguments);
        assert!(status == Some(1) && why.contains("or is in another storage"), "{arguments:?}: {why}");
    }
    let broken = Shop::of_files();
    for number in 0..=u8::MAX {
        std::fs::write(broken.sessions().join(format!("{number:02x}")), "text").unwrap();
    }
    let (status, why) = unread(&broken, &["check", "--json"]);
    assert!(status == Some(1) && why.contains("is a link or a file; remove it"), "{why}");
    // A full disk is one.
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = shop.command(&["count"]).stdout(full).output().unwrap();
    let why = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && why.contains("the output cannot be written"), "{why}");
}

/// Runs the program with an output that nobody reads. Returns its status, and what it has said on standard error.
fn unread(shop: &Shop, arguments: &[&str]) -> (Option<i32>, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = shop.command(arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn ctrl_c_ends_a_command_that_waits() {
    let server = RedisServer::start();
    server.freeze();
    let mut child = command(&["--storage", &server.url(), "--timeout", "3600", "count"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    // Until it handles the signal: the system's own list of what a process catches has it.
    crate::support::wait_until("the program waits", || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim();
        u64::from_str_radix(caught, 16).unwrap() & 0b10 != 0
    });
    kill_process(pid, Signal::INT).unwrap();
    let status = child.wait().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((status.code(), &*said), (Some(130), "gsession: interrupted; what was done until then stays done\n"));
}

/// The program at a terminal, which `script` of util-linux plays.
fn at_a_terminal(shop: &Shop, arguments: &[&str], typed: &str) -> Run {
    let program = shop.command(arguments);
    let words = std::iter::once(program.get_program()).chain(program.get_args());
    let words: Vec<_> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let mut terminal = Command::new("script");
    terminal.args(["--quiet", "--return", "--command", &words.join(" "), "/dev/null"]);
    terminal.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Run::reading(&mut terminal, typed)
}

#[test]
fn at_a_terminal_one_is_asked_before_all_sessions_end() {
    let shop = Shop::of_files();
    let ids = [shop.log_in(Login::new("ada").tag("t")), shop.log_in(Login::new("ada"))];
    for typed in ["n\n", "\n", "nobody\n"] {
        let run = at_a_terminal(&shop, &["end-all", "ada"], typed);
        assert!(run.status == 1 && run.out.contains("End 2 sessions of ada? [y/N] "), "{run:?}");
        assert!(run.out.contains("nothing was ended") && ids.iter().all(|id| shop.is_alive(id)), "{run:?}");
    }
    let run = at_a_terminal(&shop, &["end-tagged", "t"], "y\n");
    assert!(run.status == 0 && run.out.contains("End 1 session with this tag? [y/N] "), "{run:?}");
    assert!(run.out.contains("1 session ended") && !shop.is_alive(&ids[0]), "{run:?}");
    let run = at_a_terminal(&shop, &["end-all", "ada"], "yes\n");
    assert!(run.status == 0 && run.out.contains("1 session ended") && !shop.is_alive(&ids[1]), "{run:?}");
    let run = at_a_terminal(&shop, &["end-all", "ada"], "");
    assert!(run.status == 1 && run.out.contains("this principal has no session"), "{run:?}");
}

#[test]
fn at_a_terminal_a_count_of_none_says_where_sessions_may_be() {
    let shop = Shop::of_strings();
    let hint = "they are in another storage or under another prefix";
    let run = at_a_terminal(&shop, &["count"], "");
    assert!(run.status == 0 && run.out.starts_with("0\r\n") && run.out.contains(hint), "{run:?}");
    assert_eq!(shop.run(&["count"]).done(), "0\n");
    shop.visit();
    let run = at_a_terminal(&shop, &["count"], "");
    assert!(run.status == 0 && !run.out.contains(hint), "{run:?}");
}

/// On a slow server, a person sees that the program waits; a file with its output does not have that in it.
#[test]
fn who_waits_at_a_terminal_sees_it() {
    let shop = Shop::of_files();
    let id = shop.log_in(Login::new("ada"));
    // A lock that another process holds makes an operation wait.
    let lock = shop.file(&gsession::StoreKey::of(&id)).parent().unwrap().join("lock");
    let lock = std::fs::File::options().write(true).open(lock).unwrap();
    lock.lock().unwrap();
    let run = at_a_terminal(&shop, &["--timeout", "2", "end", &key_of(&id)], "");
    assert!(run.status == 1 && run.out.contains("ending the session ("), "{run:?}");
    let piped = shop.run(&["--timeout", "2", "end", &key_of(&id)]).failed(1);
    assert!(piped.contains("did not answer in time") && !piped.contains("ending the session ("), "{piped}");
    drop(lock);
    assert_eq!(shop.run(&["end", &key_of(&id)]).done(), "1 session ended\n");
}
