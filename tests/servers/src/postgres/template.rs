//! The data of a fresh server. Copying it takes a tenth of the time that making it does.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

use tempfile::TempDir;

use super::{account, programs};
use crate::watchdog::Watchdog;

/// The user of the tests, who owns the database `postgres` and has no further rights.
pub(super) const USER: &str = "shop";

/// One who has the same rights and must give a password.
pub(super) const GUARDED_USER: &str = "guarded";

/// Their password: a text that a URL cannot hold as it is.
pub(super) const PASSWORD: &str = "s3cret/word";

/// Who may come in how. The first line that fits counts.
const ACCESS: &str = "\
local all all trust
local replication all trust
host all guarded 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
host replication all 127.0.0.1/32 trust
";

/// What is in it, made once a process.
struct Template {
    folder: TempDir,
    // A static is never dropped.
    _watchdog: Watchdog,
}

/// Puts the data of a fresh server into `to`, which does not exist yet.
pub(super) fn copy_to(to: &Path) {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    let template = TEMPLATE.get_or_init(Template::new);
    let mut copy = account::command(Path::new("cp"));
    run(copy.arg("-a").arg(template.folder.path().join("data")).arg(to));
}

impl Template {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder for a server's template");
        let watchdog = Watchdog::over_folder(folder.path());
        account::hand_over(folder.path());
        let data = folder.path().join("data");
        let mut initdb = account::command(&programs::find("initdb"));
        initdb.args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--wal-segsize=1",
        ]);
        run(initdb.arg("--pgdata").arg(&data).current_dir(folder.path()));
        std::fs::write(data.join("pg_hba.conf"), ACCESS).expect("writing a server's access rules");
        let users = [
            format!("CREATE ROLE {USER} LOGIN"),
            format!("CREATE ROLE {GUARDED_USER} LOGIN PASSWORD '{PASSWORD}' IN ROLE {USER}"),
            format!("ALTER DATABASE postgres OWNER TO {USER}"),
        ];
        let mut single = account::command(&programs::find("postgres"));
        single.args(["--single", "-j", "-F", "-D"]).arg(&data).arg("postgres").current_dir(folder.path());
        // In this mode an empty line ends a statement, and the end of the input ends the server.
        run_with(&mut single, &users.map(|statement| statement + ";\n\n").concat());
        Self { folder, _watchdog: watchdog }
    }
}

/// Runs a command to its end.
///
/// # Panics
///
/// When it fails, with what it has printed.
pub(super) fn run(command: &mut Command) -> Output {
    run_with(command, "")
}

fn run_with(command: &mut Command, input: &str) -> Output {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("starting `{name}`: {error}"));
    let mut pipe = child.stdin.take().expect("stdin was asked for");
    pipe.write_all(input.as_bytes()).unwrap_or_else(|error| panic!("writing to `{name}`: {error}"));
    drop(pipe);
    let output = child.wait_with_output().expect("waiting for a child of ours");
    let text = [&*output.stdout, &*output.stderr].concat();
    assert!(output.status.success(), "`{name}` failed ({}):\n{}", output.status, String::from_utf8_lossy(&text));
    output
}
