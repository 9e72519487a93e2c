//! A server must not outlive its test, also if the test is killed.

use std::process::{Child, Command, Stdio};

/// Kills a process when the test process ends, however it does: it waits at a pipe whose other end this process holds.
#[derive(Debug)]
pub(crate) struct Watchdog(Child);

impl Watchdog {
    pub(crate) fn over(pid: u32) -> Self {
        // Ctrl-C reaches the shell as well as the test, and it must not go first.
        let script = format!("trap '' HUP INT TERM; read nothing; kill -9 {pid} 2>/dev/null");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
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
