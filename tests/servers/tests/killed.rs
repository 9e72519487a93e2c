//! Servers end with the test process, also when that is killed and can do nothing about it.

use std::{
    env,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    thread,
};

use gsession_test_servers::{
    PostgresServer, RedisServer,
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
        let (running_postgres, frozen_postgres) = (PostgresServer::start(), PostgresServer::start());
        frozen_postgres.freeze();
        let mut pids = [running.pid(), frozen.pid()].to_vec();
        pids.extend(running_postgres.pids().into_iter().chain(frozen_postgres.pids()));
        println!("\nservers: {}", pids.iter().map(u32::to_string).collect::<Vec<_>>().join(" "));
        // Bounded as well, should nobody kill it.
        thread::sleep(wait::PATIENCE);
        return;
    }
    let mut command = Command::new(env::current_exe().unwrap());
    // It cannot remove all of its folders any more; this one goes with them in it.
    let folders = tempfile::tempdir().unwrap();
    // PostgreSQL may run as another user.
    fs::set_permissions(folders.path(), Permissions::from_mode(0o755)).unwrap();
    command.args(["--exact", "servers_do_not_outlive_a_killed_test", "--nocapture"]);
    command.env(VICTIM, "1").env("TMPDIR", folders.path());
    let mut victim = Process::start(&mut command);
    let pids = victim.wait_for_line("its servers", |line| {
        Some(line.strip_prefix("servers: ")?.split(' ').map(str::to_owned).collect::<Vec<_>>())
    });
    assert!(pids.iter().all(|pid| is_server(pid)));
    victim.end(Signal::KILL);
    wait::until("the servers ending", || pids.iter().all(|pid| !is_server(pid)).then_some(()));
    // Of two servers, and what they were copied from.
    let data =
        || fs::read_dir(folders.path()).unwrap().filter(|folder| has_data(&folder.as_ref().unwrap().path())).count();
    wait::until("the data of PostgreSQL going, which is large", || (data() == 0).then_some(()));
}

/// Whether a folder holds a server of PostgreSQL, or what its data is copied from.
fn has_data(folder: &Path) -> bool {
    folder.join("data").exists()
}

/// Whether a process is a server of Redis, Valkey or PostgreSQL that lives. (One that nobody has waited for yet has no command line.)
fn is_server(pid: &str) -> bool {
    let command = fs::read(Path::new("/proc").join(pid).join("cmdline")).unwrap_or_default();
    let command = String::from_utf8_lossy(&command);
    command.contains("-server") || command.contains("postgres")
}
