//! Statements for a server.

use std::process::Command;

use super::{PostgresServer, programs, template};

impl PostgresServer {
    /// Runs a statement as the superuser, through PostgreSQL's own client, and returns the rows: a line each, with `|`
    /// between the columns.
    ///
    /// # Panics
    ///
    /// When the statement fails, or the server does not answer.
    #[must_use]
    pub fn query(&self, statement: &str) -> String {
        let output = template::run(&mut self.client(statement));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// As [`query`](Self::query), for what returns no rows.
    ///
    /// # Panics
    ///
    /// As [`query`](Self::query) does.
    pub fn execute(&self, statement: &str) {
        let _ = self.query(statement);
    }

    fn client(&self, statement: &str) -> Command {
        let mut client = Command::new(programs::find("psql"));
        client.args([
            "--no-psqlrc",
            "--no-align",
            "--tuples-only",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            "--username=postgres",
        ]);
        client.arg("--host").arg(self.folder.path()).arg(format!("--port={}", self.port));
        client.args(["--command", statement, "postgres"]).env("PGCONNECT_TIMEOUT", "10");
        client
    }
}
