//! What is printed: Markdown for people, JSON for programs.

use anyhow::Result;
use serde::Serialize;

use crate::{
    cli::{Load, Speed},
    machine::{self, Machine},
    measure::{Case, Measured, Numbers, above_bare},
    servers::{Handler, Peer},
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

/// How many of the last columns are about a Redis server.
const REDIS_COLUMNS: usize = 3;

/// A line of the table of speeds.
#[derive(Debug, Serialize)]
struct Line {
    peer: Peer,
    name: String,
    handler: Handler,
    requests_per_second: Option<f64>,
    cpu_micros: Option<f64>,
    cpu_micros_above_bare: Option<f64>,
    instructions: Option<f64>,
    instructions_above_bare: Option<f64>,
    allocations: Option<f64>,
    allocations_above_bare: Option<f64>,
    redis_commands: Option<f64>,
    redis_round_trips: Option<f64>,
    redis_commands_inside_scripts: Option<f64>,
}

/// Prints the table of speeds.
pub(crate) fn speed(cases: &[Case], measured: &Measured, settings: &Speed, go: Option<&str>) -> Result<()> {
    let lines: Vec<Line> = cases.iter().map(|&case| line(case, measured)).collect();
    let machine = Machine::this().with_go(go);
    if settings.json {
        return json(&serde_json::json!({ "machine": machine, "rows": lines }));
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
        "CPU us/request",
        "instructions/request",
        "allocations/request",
        "Redis commands/request",
        "round trips/request",
        "commands inside scripts/request",
    ];
    let on_redis = !measured.commands.is_empty();
    let columns = if on_redis { head.len() } else { head.len() - REDIS_COLUMNS };
    let rows: Vec<Vec<String>> = lines.iter().map(|line| cells(line).into_iter().take(columns).collect()).collect();
    table(&head[..columns], &rows);
    if !settings.skip_cpu {
        println!("\n{}", how_loaded(&settings.load));
    }
    if on_redis {
        println!(
            "\nRedis: commands that clients sent, as MONITOR tells them, on a warm server, sequential requests on one \
             connection; the commands inside their scripts apart. The CPU is the web server's, not the Redis server's."
        );
    }
    if !settings.skip_instructions {
        println!("\nInstructions: user space, callgrind, sequential requests on one connection.");
    }
    Ok(())
}

/// How the CPU was measured, in a sentence.
pub(crate) fn how_loaded(load: &Load) -> String {
    format!(
        "Requests a second and CPU: {} connections with a session each, one worker, medians of {} interleaved rounds of {} ms.",
        load.connections, load.rounds, load.millis
    )
}

fn line(case: Case, measured: &Measured) -> Line {
    let (peer, handler) = case;
    let above = |numbers: &Numbers| above_bare(numbers, case).filter(|_| !peer.is_bare());
    Line {
        peer,
        name: machine::describe(peer),
        handler,
        requests_per_second: measured.throughput.get(&case).copied(),
        cpu_micros: measured.cpu.get(&case).copied(),
        cpu_micros_above_bare: measured.cpu_above.get(&case).copied().filter(|_| !peer.is_bare()),
        instructions: measured.instructions.get(&case).copied(),
        instructions_above_bare: above(&measured.instructions),
        allocations: measured.allocations.get(&case).copied(),
        allocations_above_bare: above(&measured.allocations),
        redis_commands: measured.commands.get(&case).copied(),
        redis_round_trips: measured.round_trips.get(&case).copied(),
        redis_commands_inside_scripts: measured.inside_scripts.get(&case).copied(),
    }
}

fn cells(line: &Line) -> Vec<String> {
    let round = |number: f64| thousands(number.round() as i64);
    vec![
        line.name.clone(),
        line.handler.path().trim_start_matches('/').to_owned(),
        cell(line.requests_per_second, None, round),
        cell(line.cpu_micros, line.cpu_micros_above_bare, |number| format!("{number:.1}")),
        cell(line.instructions, line.instructions_above_bare, round),
        cell(line.allocations, line.allocations_above_bare, |number| format!("{number:.1}")),
        cell(line.redis_commands, None, short),
        cell(line.redis_round_trips, None, short),
        cell(line.redis_commands_inside_scripts, None, short),
    ]
}

/// With as many of two digits behind the point as are needed.
fn short(number: f64) -> String {
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
