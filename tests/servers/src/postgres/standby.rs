//! A second server that follows a first one.

use std::path::Path;

use super::{PostgresBuilder, PostgresServer, account, programs, template};
use crate::{port, wait};

impl PostgresServer {
    /// Starts a server that repeats all that this one does, and takes only reads: a streaming replica.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn standby(&self) -> Self {
        let copy = |to: &Path| {
            let mut backup = account::command(&programs::find("pg_basebackup"));
            backup.args(["--checkpoint=fast", "--no-sync", "--write-recovery-conf", "--username=postgres"]);
            backup.arg("--host").arg(self.folder.path()).arg(format!("--port={}", self.port));
            template::run(backup.arg("--pgdata").arg(to));
        };
        PostgresBuilder::default().start_with(copy, port::free)
    }

    /// Waits until a standby shows all that this one has committed.
    ///
    /// # Panics
    ///
    /// When it does not catch up.
    pub fn wait_for(&self, standby: &Self) {
        let written = self.query("SELECT pg_current_wal_lsn()");
        wait::until_or_show(
            "a standby catching up",
            || (standby.query(&format!("SELECT pg_last_wal_replay_lsn() >= '{written}'")) == "t").then_some(()),
            || standby.last_lines(),
        );
    }

    /// Makes a standby a server of its own, which takes writes.
    ///
    /// # Panics
    ///
    /// When it is no standby.
    pub fn promote(&self) {
        assert_eq!(self.query("SELECT pg_promote()"), "t", "a standby is promoted");
    }
}
