//! Servers end with the test process, also when that is killed and can do nothing about it.

use std::{env, fs, path::Path, process::Command, thread};

use gsession_test_servers::{
    RedisServer,
    process::{Process, Signal},
    wait,
};

/// Set for the process that is to be killed: this same test, run once more.
const VICTIM: &str = "GSESSION_TEST_SERVERS_VICTIM";

#[test]
fn servers_do_not_outlive_a_killed_test() {
    if env::var_os(VICTIM).is_some() {
        let (running, frozen) = (RedisServer::start(), RedisServer::start());
        frozen.freeze();
        println!("\nservers: {} {}", running.pid(), frozen.pid());
        // Bounded as well, should nobody kill it.
        thread::sleep(wait::PATIENCE);
        return;
    }
    let mut command = Command::new(env::current_exe().unwrap());
    // It cannot remove its folders any more; this one goes with them in it.
    let folders = tempfile::tempdir().unwrap();
    command.args(["--exact", "servers_do_not_outlive_a_killed_test", "--nocapture"]);
    command.env(VICTIM, "1").env("TMPDIR", folders.path());
    let mut victim = Process::start(&mut command);
    let pids = victim.wait_for_line("its servers", |line| {
        Some(line.strip_prefix("servers: ")?.split(' ').map(str::to_owned).collect::<Vec<_>>())
    });
    assert!(pids.iter().all(|pid| is_server(pid)));
    victim.end(Signal::KILL);
    wait::until("the servers ending", || pids.iter().all(|pid| !is_server(pid)).then_some(()));
}

/// Whether a process is a server of Redis or Valkey that lives. (One that nobody has waited for yet has no command line.)
fn is_server(pid: &str) -> bool {
    let command = fs::read(Path::new("/proc").join(pid).join("cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&command).contains("-server")
}
