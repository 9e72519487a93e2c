//! What is printed: Markdown for people, JSON for programs.

use anyhow::Result;
use serde::Serialize;

use crate::{
    cli::Speed,
    load::Load,
    machine::Machine,
    measured::{Case, Measured, Numbers, above_bare},
    results::{self, Line, Results},
    versions,
};

/// Prints a value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Prints a Markdown table. The first column holds names, the others numbers.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) {
    println!("| {} |", head.join(" | "));
    println!("|---{}|", "|---:".repeat(head.len().saturating_sub(1)));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
}

/// What a reader must know of GoFrame's rows.
pub(crate) const GOFRAME_ALWAYS_HAS_SESSIONS: &str = "A GoFrame server always has its sessions, so what they cost a \
     request that does not use them is part of its bare server.";

/// How many of the last columns are about a database server.
const DATABASE_COLUMNS: usize = 4;

/// Prints the table of speeds.
pub(crate) fn speed(cases: &[Case], measured: &Measured, settings: &Speed, go: Option<&str>) -> Result<()> {
    let lines: Vec<Line> = cases.iter().map(|&case| line(case, measured)).collect();
    let machine = Machine::this().with_go(go);
    if settings.json {
        let load = (!settings.skip_cpu).then(|| settings.load.clone());
        return json(&Results::Speed(results::Speed { command: results::command(), machine, load, rows: lines }));
    }
    println!("{}.\n", machine.describe());
    println!(
        "CPU, instructions and allocations are those above the same handler on the same framework without sessions; \
         only the rows of a bare server have their own.\n"
    );
    let head = [
        "",
        "handler",
        "requests/s",
        "p99 us",
        "CPU us/request",
        "instructions/request",
        "allocations/request",
        "database server CPU us/request",
        "commands/request",
        "round trips/request",
        "commands inside scripts/request",
    ];
    let on_database = !measured.commands.is_empty() || !measured.database_cpu.is_empty();
    let columns = if on_database { head.len() } else { head.len() - DATABASE_COLUMNS };
    let rows: Vec<Vec<String>> = lines.iter().map(|line| cells(line).into_iter().take(columns).collect()).collect();
    table(&head[..columns], &rows);
    if !settings.skip_cpu {
        println!("\nRequests a second and CPU: {}", how_loaded(&settings.load));
    }
    if on_database {
        println!(
            "\nDatabase servers: what clients sent, on a warm server, sequential requests on one connection: commands as Redis' \
             MONITOR tells them, with the commands inside their scripts apart; statements as Postgres logs them. Its CPU is counted \
             under load. A Redis server has one thread for commands, which all machines share; Postgres has a process for each \
             connection, and all of its processes count."
        );
    }
    let has_goframe = cases.iter().any(|(peer, _)| peer.goframe_storage().is_some());
    if has_goframe {
        println!("\n{GOFRAME_ALWAYS_HAS_SESSIONS}");
    }
    if !settings.skip_allocations && cases.iter().any(|(peer, _)| peer.is_in_sqlite()) {
        println!("\nAllocations: those of Rust and Go code. SQLite is written in C, so its own are not counted.");
    }
    if !settings.skip_instructions {
        let but = if has_goframe { "; not of GoFrame, for callgrind does not understand Go" } else { "" };
        println!("\nInstructions: user space, callgrind, sequential requests on one connection{but}.");
    }
    Ok(())
}

/// How the CPU was measured, in a sentence.
pub(crate) fn how_loaded(load: &Load) -> String {
    format!(
        "{} connections with a session each, one worker, medians of {} interleaved rounds of {} ms.",
        load.connections,
        load.rounds,
        thousands(i64::try_from(load.millis).unwrap_or(i64::MAX))
    )
}

fn line(case: Case, measured: &Measured) -> Line {
    let (peer, handler) = case;
    let own = |numbers: &Numbers| numbers.get(&case).copied().map(rounded);
    let above = |numbers: &Numbers| above_bare(numbers, case).filter(|_| !peer.is_bare()).map(rounded);
    Line {
        peer,
        name: versions::describe(peer),
        handler,
        requests_per_second: own(&measured.throughput),
        p99_micros: own(&measured.p99_micros),
        cpu_micros: own(&measured.cpu),
        cpu_micros_above_bare: own(&measured.cpu_above).filter(|_| !peer.is_bare()),
        database_cpu_micros: own(&measured.database_cpu),
        instructions: own(&measured.instructions),
        instructions_above_bare: above(&measured.instructions),
        allocations: own(&measured.allocations),
        allocations_above_bare: above(&measured.allocations),
        database_commands: own(&measured.commands),
        database_round_trips: own(&measured.round_trips),
        redis_commands_inside_scripts: own(&measured.inside_scripts),
    }
}

/// To three digits behind the point, beyond which there is only noise.
fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

fn cells(line: &Line) -> Vec<String> {
    let round = |number: f64| thousands(number.round() as i64);
    vec![
        line.name.clone(),
        line.handler.path().trim_start_matches('/').to_owned(),
        cell(line.requests_per_second, None, round),
        cell(line.p99_micros, None, round),
        cell(line.cpu_micros, line.cpu_micros_above_bare, |number| format!("{number:.1}")),
        cell(line.instructions, line.instructions_above_bare, round),
        cell(line.allocations, line.allocations_above_bare, |number| format!("{number:.1}")),
        cell(line.database_cpu_micros, None, |number| format!("{number:.1}")),
        cell(line.database_commands, None, short),
        cell(line.database_round_trips, None, short),
        cell(line.redis_commands_inside_scripts, None, short),
    ]
}

/// With as many of two digits behind the point as are needed.
pub(crate) fn short(number: f64) -> String {
    format!("{number:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The number above bare with its sign, where there is one; else the number itself; else a dash.
fn cell(own: Option<f64>, above: Option<f64>, format: impl Fn(f64) -> String) -> String {
    match (above, own) {
        (Some(above), _) if above < 0.0 => format(above),
        (Some(above), _) => format!("+{}", format(above)),
        (None, Some(own)) => format(own),
        (None, None) => "-".to_owned(),
    }
}

/// A whole number with a comma after every third digit.
pub(crate) fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_digits() {
        let texts = [0, 999, 1_000, -1_234_567].map(thousands);
        assert_eq!(texts, ["0", "999", "1,000", "-1,234,567"]);
    }

    #[test]
    fn a_difference_has_a_sign() {
        let whole = |number: f64| format!("{number:.0}");
        assert_eq!(cell(Some(9.0), Some(2.0), whole), "+2");
        assert_eq!(cell(Some(9.0), Some(-2.0), whole), "-2");
        assert_eq!(cell(Some(9.0), None, whole), "9");
        assert_eq!(cell(None, None, whole), "-");
    }

    #[test]
    fn a_short_number_ends_where_it_may() {
        assert_eq!([0.0, 2.0, 10.0, 1.5, 0.005].map(short), ["0", "2", "10", "1.5", "0.01"]);
    }
}
