//! What a run prints with `--json`, and what charts are drawn from.

use serde::{Deserialize, Serialize};

use crate::{
    load::Load,
    machine::Machine,
    servers::{Handler, Peer},
};

/// A run's results; `report` tells of which kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "kebab-case")]
pub(crate) enum Results {
    Speed(Speed),
    Lost(Lost),
    Scale(Scale),
}

/// The table of speeds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Speed {
    /// What to type to measure this again.
    pub(crate) command: String,
    pub(crate) machine: Machine,
    /// How the CPU was measured, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) load: Option<Load>,
    pub(crate) rows: Vec<Line>,
}

/// A line of the table of speeds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) peer: Peer,
    pub(crate) name: String,
    pub(crate) handler: Handler,
    pub(crate) requests_per_second: Option<f64>,
    /// How long a request took that is slower than 99 of 100. Missing in results of earlier versions.
    #[serde(default)]
    pub(crate) p99_micros: Option<f64>,
    pub(crate) cpu_micros: Option<f64>,
    pub(crate) cpu_micros_above_bare: Option<f64>,
    pub(crate) database_cpu_micros: Option<f64>,
    pub(crate) instructions: Option<f64>,
    pub(crate) instructions_above_bare: Option<f64>,
    pub(crate) allocations: Option<f64>,
    pub(crate) allocations_above_bare: Option<f64>,
    pub(crate) database_commands: Option<f64>,
    pub(crate) database_round_trips: Option<f64>,
    pub(crate) redis_commands_inside_scripts: Option<f64>,
}

/// What overlapping requests lose.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Lost {
    /// What to type to see this again.
    pub(crate) command: String,
    pub(crate) machine: Machine,
    /// How many updates could have been lost on each peer.
    pub(crate) updates: usize,
    /// How many logouts were overlapped on each peer.
    pub(crate) logouts: usize,
    pub(crate) rows: Vec<Outcome>,
}

/// What happened on one peer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) peer: Peer,
    pub(crate) name: String,
    /// Of the acknowledged writes of different keys: those that are not there afterwards.
    pub(crate) lost_updates: usize,
    /// Of the browsers that logged out: those that are logged in again once the slow answer came.
    pub(crate) back_in_browser: usize,
    /// Of the same: those whose cookie from before the logout still works.
    pub(crate) old_cookie_works: usize,
}

/// How costs grow with the number of sessions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Scale {
    /// What to type to measure this again.
    pub(crate) command: String,
    pub(crate) machine: Machine,
    pub(crate) rows: Vec<Grown>,
}

/// A storage with this many sessions. CPU in microseconds, that of a Redis server apart.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Grown {
    pub(crate) storage: String,
    pub(crate) sessions: u32,
    pub(crate) create_micros: f64,
    pub(crate) read_micros: f64,
    pub(crate) change_micros: f64,
    /// The three sessions of one user.
    pub(crate) list_micros: f64,
    /// For each session that is removed.
    pub(crate) sweep_micros: f64,
    pub(crate) create_redis_micros: Option<f64>,
    pub(crate) read_redis_micros: Option<f64>,
    pub(crate) change_redis_micros: Option<f64>,
    pub(crate) list_redis_micros: Option<f64>,
    pub(crate) sweep_redis_micros: Option<f64>,
    /// Of a request while the others are swept.
    pub(crate) longest_pause_ms: f64,
    /// What a session takes.
    pub(crate) bytes: f64,
    /// Until the first session was read after a start.
    pub(crate) start_ms: f64,
}

/// What was typed to start this run, without what only concerns its output.
pub(crate) fn command() -> String {
    let mut command = "cargo run --release -p gsession-bench".to_owned();
    let mut separator = " -- ";
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--callgrind-dir" {
            arguments.next();
        } else if argument != "--json" && !argument.starts_with("--callgrind-dir=") {
            command += separator;
            command += &argument;
            separator = " ";
        }
    }
    command
}

/// Reads what a run printed, as far as it can be drawn. The error is for the command line: what is wrong with the file.
pub(crate) fn read(path: &str) -> Result<Results, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("it cannot be read: {error}"))?;
    parse(&text)
}

fn parse(text: &str) -> Result<Results, String> {
    let results: Results =
        serde_json::from_str(text).map_err(|error| format!("this is not what a run prints with --json: {error}"))?;
    match &results {
        Results::Speed(speed) if speed.rows.iter().all(|row| row.cpu_micros_above_bare.is_none()) => {
            Err("it has no CPU above that of a bare server: measure without --skip-cpu".to_owned())
        }
        Results::Scale(scale) if scale.rows.is_empty() => Err("it has no rows".to_owned()),
        Results::Lost(lost) if lost.rows.is_empty() => Err("it has no rows".to_owned()),
        Results::Lost(lost) if lost.updates == 0 || lost.logouts == 0 => Err("nothing could have been lost".to_owned()),
        _ => Ok(results),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: &str = r#"{"processor": "p", "cores": 2, "system": "s"}"#;

    #[test]
    fn a_file_that_cannot_be_drawn_is_refused_with_the_reason() {
        let refused = |text: &str, reason: &str| {
            let said = parse(text).err().unwrap_or_default();
            assert!(said.contains(reason), "{text:?}: {said:?}");
        };
        refused("", "not what a run prints");
        refused("# a table", "not what a run prints");
        refused(r#"{"machine": {}}"#, "report");
        refused(r#"{"report": "near"}"#, "near");
        refused(&format!(r#"{{"report": "speed", "command": "c", "machine": {MACHINE}, "rows": []}}"#), "--skip-cpu");
        let lost = |rest: &str| format!(r#"{{"report": "lost", "command": "c", "machine": {MACHINE}, {rest}}}"#);
        refused(&lost(r#""updates": 120, "logouts": 20, "rows": []"#), "no rows");
        let row =
            r#"{"peer": "goframe-file", "name": "n", "lost_updates": 1, "back_in_browser": 0, "old_cookie_works": 0}"#;
        refused(&lost(&format!(r#""updates": 120, "logouts": 0, "rows": [{row}]"#)), "nothing");
        assert!(parse(&lost(&format!(r#""updates": 120, "logouts": 20, "rows": [{row}]"#))).is_ok());
        assert!(read("no/such/file").is_err_and(|reason| reason.starts_with("it cannot be read")));
    }
}
