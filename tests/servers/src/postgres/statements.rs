//! Which statements a server runs, exactly.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{PostgresBuilder, PostgresServer};
use crate::wait;

/// Before each line of the log: who caused it.
const PREFIX: &str = "user=";

impl PostgresBuilder {
    /// Logs each statement, for [`PostgresServer::statements`]. That costs time.
    #[must_use]
    pub fn log_statements(self) -> Self {
        self.set("log_statement", "all").set("log_line_prefix", &format!("{PREFIX}%u "))
    }
}

impl PostgresServer {
    /// What clients have run since it was first started, in order, but not what [`query`](Self::query) has. `BEGIN` and
    /// `COMMIT` are statements, too; preparing one is not.
    ///
    /// # Panics
    ///
    /// When the server does not answer, or was started without [`PostgresBuilder::log_statements`].
    #[must_use]
    pub fn statements(&self) -> Vec<String> {
        static MARK: AtomicU64 = AtomicU64::new(0);
        // Each statement is logged before it runs, so that those of which a client knows the result stand before this one.
        let mark = format!("SELECT 'mark {}'", MARK.fetch_add(1, Ordering::Relaxed));
        self.execute(&mark);
        let log = wait::until("a statement in the log", || Some(self.log()).filter(|log| log.contains(&mark)));
        statements_in(&log)
    }
}

/// The statements in a log, but for those of the superuser.
fn statements_in(log: &str) -> Vec<String> {
    let mut statements: Vec<String> = Vec::new();
    // Whether the lines that continue the one before are part of a statement.
    let mut continues = false;
    for line in log.lines() {
        if let Some(rest) = line.strip_prefix('\t') {
            if let Some(statement) = statements.last_mut().filter(|_| continues) {
                statement.push('\n');
                statement.push_str(rest);
            }
            continue;
        }
        let statement = statement_in(line);
        continues = statement.is_some();
        statements.extend(statement.map(str::to_owned));
    }
    statements
}

fn statement_in(line: &str) -> Option<&str> {
    let (user, rest) = line.strip_prefix(PREFIX)?.split_once(' ')?;
    let message = rest.strip_prefix("LOG:  ").filter(|_| user != "postgres")?;
    // A prepared statement stands behind its name.
    message.strip_prefix("statement: ").or_else(|| Some(message.strip_prefix("execute ")?.split_once(": ")?.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_from_what_else_is_logged() {
        let log = "user= LOG:  database system is ready to accept connections\n\
                   user=shop LOG:  statement: BEGIN\n\
                   user=postgres LOG:  statement: SELECT 1\n\tFROM ours\n\
                   user=shop LOG:  execute sqlx_s_1: SELECT 'a: b'\n\t  FROM a\n\
                   user=shop DETAIL:  parameters: $1 = '\n\tb'\n\
                   user=guarded LOG:  execute <unnamed>: COMMIT\n";
        assert_eq!(statements_in(log), ["BEGIN", "SELECT 'a: b'\n  FROM a", "COMMIT"]);
    }
}
