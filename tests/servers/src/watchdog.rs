//! A server must not outlive its test, also if the test is killed.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

/// Cleans up when the test process ends, however it does: it waits at a pipe whose other end this process holds.
#[derive(Debug)]
pub(crate) struct Watchdog(Child);

impl Watchdog {
    /// Kills a process.
    pub(crate) fn over(pid: u32) -> Self {
        Self::that_runs(&format!("kill -9 {pid}"), &[])
    }

    /// Ends a PostgreSQL server, frozen or not, with the processes that it has started, and removes its folder.
    ///
    /// It gets the chance to return its shared memory to the system, which one that is killed cannot do.
    pub(crate) fn over_postgres(pid: u32, folder: &Path) -> Self {
        let script = format!(
            "family=\"{pid} $(cat /proc/{pid}/task/{pid}/children)\"
             kill -CONT $family; kill -QUIT {pid}
             tries=50; while [ -e /proc/{pid}/exe ] && [ $((tries -= 1)) -gt 0 ]; do sleep 0.1; done
             kill -9 $family; rm -rf \"$1\""
        );
        Self::that_runs(&script, &[folder])
    }

    /// Removes a folder.
    pub(crate) fn over_folder(folder: &Path) -> Self {
        Self::that_runs("rm -rf \"$1\"", &[folder])
    }

    fn that_runs(script: &str, arguments: &[&Path]) -> Self {
        // Ctrl-C reaches the shell as well as the test, and it must not go first.
        let script = format!("trap '' HUP INT TERM; read nothing; {script}");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh"]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("a shell can be started"))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // Before its process ends by other means, so that it never meets a stranger under the same number.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
