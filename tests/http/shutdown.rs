//! A logout whose client has left is carried out although the server stops.

use std::{
    io::{BufRead as _, BufReader, Lines, Write as _},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use gsession::{
    AnyStorage, FileStorage, Record, Storage, StorageError, StoreKey, Timestamp,
    record::Commit,
    storage::{Access, Committed, Created, Lookup, Removed},
};
use tempfile::TempDir;

use crate::{
    framework::{self, Ask, Sessions},
    support::{
        NAME,
        app::{App, Failure, Reply},
        key_of,
        server::Server,
    },
};

/// Tells the server's process where its sessions lie.
const FOLDER: &str = "GSESSION_TEST_FOLDER";

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // The test harness may have begun a line of its own.
    writeln!(out, "\nserver: {line}").unwrap();
    out.flush().unwrap();
}

/// Ends a session only when it is allowed to: when the standard input is closed.
struct Hesitant(FileStorage);

impl Storage for Hesitant {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        self.0.load(key, access)
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        self.0.create(key, record, now)
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        self.0.commit(key, commit)
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        say("begins to end a session");
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
        let removed = self.0.remove(key);
        say("has ended a session");
        removed
    }
}

/// Says when the server lets go of its application.
struct LetGo;

impl Drop for LetGo {
    fn drop(&mut self) {
        say(&format!("lets go in {}", std::thread::current().name().unwrap_or_default()));
    }
}

async fn logs_out_and_hangs(ask: Ask) -> Result<Reply, Failure> {
    ask.session().destroy();
    std::future::pending().await
}

/// What the server's process does.
fn serve(folder: &Path) {
    let hesitant = Hesitant(FileStorage::open(folder.join("sessions")).unwrap());
    let sessions = Sessions::builder(AnyStorage::blocking(hesitant)).realm(NAME).build().unwrap();
    let kept = LetGo;
    let hold = move |_| {
        let _ = &kept;
        async { Ok("fine".into()) }
    };
    let login = |ask: Ask| async move {
        ask.session().set("user", "ada")?;
        Ok("in".into())
    };
    let app = App::new().route("/do/hold", hold).route("/login", login).route("/logout", logs_out_and_hangs);
    let app = app.wrap(sessions.clone());
    framework::run_until_terminated(app, sessions, |address| say(&format!("listens on {address}")));
    say("comes to its end");
}

/// The server's process; killed if a test fails.
struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(test: &str, folder: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(FOLDER, folder);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// What it says next.
    fn says(&mut self) -> String {
        loop {
            let line = self.lines.next().expect("it said no more").unwrap();
            if let Some(said) = line.strip_prefix("server: ") {
                return said.to_owned();
            }
        }
    }

    fn says_in_the_end(&mut self, wanted: &str) {
        while self.says() != wanted {}
    }

    fn terminate(&self) {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// As the harness names the thread of the test, too.
const TEST: &str = "suite::shutdown::a_stopping_server_waits_for_logouts_whose_clients_have_left";

#[test]
fn a_stopping_server_waits_for_logouts_whose_clients_have_left() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return serve(Path::new(&folder));
    }
    let folder = TempDir::new().unwrap();
    let mut process = Process::start(TEST, folder.path());
    let listens = process.says();
    let address = listens.strip_prefix("listens on ").unwrap_or_else(|| panic!("{listens}")).parse().unwrap();

    let login = Server::ask_at(address, "/login", &[]);
    let cookie = login.cookies()[0].split(';').next().unwrap().to_owned();
    let id = gsession::SessionId::parse(cookie.split_once('=').unwrap().1).unwrap();
    let stored = FileStorage::open(folder.path().join("sessions")).unwrap();
    let lives =
        || matches!(stored.load(&key_of(&id), &Access::passive(Timestamp::default())).unwrap(), Lookup::Found(_));
    assert!(lives());

    // The client leaves, and the logout goes on in the background, for as long as it takes.
    let logout = Server::request("/logout", &[format!("Cookie: {cookie}").as_bytes()]);
    drop(Server::connect_to_break_off_at(address, &logout));
    process.says_in_the_end("begins to end a session");
    process.terminate();
    // The workers have nothing to do, so they stop at once, and the server lets go of all it has.
    process.says_in_the_end(&format!("lets go in {TEST}"));
    assert!(lives());
    drop(process.child.stdin.take());
    assert_eq!(process.says(), "has ended a session");
    process.says_in_the_end("comes to its end");
    assert!(process.child.wait().unwrap().success());
    assert!(!lives());
}
