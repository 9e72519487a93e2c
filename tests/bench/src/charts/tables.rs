//! The figures behind the charts of speed, as Markdown tables for the documentation.

use std::fmt::Write as _;

use super::{
    chart::Kind,
    group::{Group, HANDLERS},
    kind,
};
use crate::{
    report::{self, short, thousands},
    results::{Line, Speed},
    servers::Handler,
};

/// A column: its head, and what stands in it.
type Column = (&'static str, fn(&Line) -> Option<String>);

const WEB_CPU: Column =
    ("CPU µs", |line| above(line, line.cpu_micros, line.cpu_micros_above_bare, |n| format!("{n:.1}")));
const INSTRUCTIONS: Column =
    ("instructions", |line| above(line, line.instructions, line.instructions_above_bare, whole));
const ALLOCATIONS: Column = ("allocations", |line| {
    above(line, line.allocations, line.allocations_above_bare, |n| format!("{n:.1}").trim_end_matches(".0").to_owned())
});
const REQUESTS: Column = ("requests/s", |line| line.requests_per_second.map(whole));
const P99: Column = ("p99 µs", |line| line.p99_micros.map(whole));
const COMMANDS: Column = ("commands", |line| line.database_commands.map(short));
const STATEMENTS: Column = ("statements", COMMANDS.1);
const ROUND_TRIPS: Column = ("round trips", |line| line.database_round_trips.map(short));
const REDIS_CPU: Column = ("Redis server µs", |line| line.database_cpu_micros.map(|n| format!("{n:.1}")));
const POSTGRES_CPU: Column = ("Postgres server µs", |line| line.database_cpu_micros.map(|n| format!("{n:.1}")));

/// One table for each group that has rows: the name of its file, and its content.
pub(super) fn tables(speed: &Speed) -> Vec<(&'static str, String)> {
    [
        (&[Group::Memory, Group::Files][..], "speed.md", &[REQUESTS, P99, WEB_CPU, INSTRUCTIONS, ALLOCATIONS][..]),
        (&[Group::Redis], "speed-redis.md", &[WEB_CPU, REDIS_CPU, INSTRUCTIONS, ALLOCATIONS, COMMANDS]),
        (&[Group::Sqlite], "speed-sqlite.md", &[REQUESTS, P99, WEB_CPU, INSTRUCTIONS, ALLOCATIONS]),
        (
            &[Group::Postgres],
            "speed-postgres.md",
            &[WEB_CPU, POSTGRES_CPU, INSTRUCTIONS, ALLOCATIONS, STATEMENTS, ROUND_TRIPS],
        ),
    ]
    .into_iter()
    .filter_map(|(groups, file, columns)| Some((file, table(speed, groups, columns)?)))
    .collect()
}

fn table(speed: &Speed, groups: &[Group], columns: &[Column]) -> Option<String> {
    let rows: Vec<&Line> = speed.rows.iter().filter(|line| groups.contains(&Group::of(line.peer))).collect();
    if rows.is_empty() {
        return None;
    }
    let heads: Vec<&str> = columns.iter().map(|(head, _)| *head).collect();
    let mut text = format!("| | handler | {} |\n|---|---|{}\n", heads.join(" | "), "---:|".repeat(columns.len()));
    let mut last = None;
    for line in rows {
        let Some(handler) = heading(line.handler) else { continue };
        let name = if last == Some(line.peer) { String::new() } else { name(line) };
        last = Some(line.peer);
        let cells: Vec<String> = columns.iter().map(|(_, cell)| cell(line).unwrap_or_default()).collect();
        let _ = writeln!(text, "| {name} | {handler} | {} |", cells.join(" | ")); // a String takes all
    }
    if let Some(load) = &speed.load {
        let _ = writeln!(text, "\n{} {}.", report::how_loaded(load), speed.machine.describe());
    }
    Some(text)
}

/// Ours in bold.
fn name(line: &Line) -> String {
    if kind(line.peer) == Kind::Ours { format!("**{}**", line.name) } else { line.name.clone() }
}

fn heading(handler: Handler) -> Option<&'static str> {
    HANDLERS.iter().find(|(known, ..)| *known == handler).map(|(_, heading, _)| *heading)
}

/// What is above a bare server, with its sign; of a bare server what it has itself.
fn above(line: &Line, own: Option<f64>, above: Option<f64>, in_words: impl Fn(f64) -> String) -> Option<String> {
    if line.peer.is_bare() {
        return own.map(in_words);
    }
    above.map(|number| if number < 0.0 { in_words(number) } else { format!("+{}", in_words(number)) })
}

fn whole(number: f64) -> String {
    thousands(number.round() as i64)
}
