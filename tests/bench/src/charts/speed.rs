//! The charts of CPU a request: that of the web server, and that of the database server behind it.

use super::{
    chart::{Cell, Chart, Row, Section},
    group::{Group, HANDLERS},
    kind, short_name, versions,
};
use crate::{
    report,
    results::{Line, Speed},
    servers::Handler,
};

/// A number of a line, and how to write it.
#[derive(Clone, Copy)]
struct Measure {
    of: fn(&Line) -> Option<f64>,
    in_words: fn(f64) -> String,
}

/// Above a bare server.
const WEB: Measure = Measure { of: |line| line.cpu_micros_above_bare, in_words: difference };
/// Of the database server alone; a request that does not use its session costs it nothing.
const DATABASE: Measure = Measure {
    of: |line| line.database_cpu_micros.filter(|_| line.handler != Handler::Untouched),
    in_words: |micros| format!("{micros:.1} µs"),
};

/// One chart for what needs no database, one for each kind of database, and one for each database server behind them; of these
/// those for which there are rows.
pub(super) fn charts(speed: &Speed) -> Vec<(&'static str, String)> {
    let above =
        "CPU microseconds a request above the same handler on the same framework without sessions; shorter is better";
    let panel = |heading: &'static str, group| sections(Some(heading), &rows(speed, group), WEB);
    let here = chart(
        "What sessions cost the server: memory, cookie, files",
        above,
        [panel("In memory, or in the cookie", Group::Memory), panel("In files, on a scale of their own", Group::Files)]
            .into_iter()
            .flatten()
            .collect(),
        speed,
        &[Group::Memory, Group::Files],
    );
    let redis = chart(
        "What sessions cost the server: Redis",
        above,
        sections(None, &rows(speed, Group::Redis), WEB),
        speed,
        &[Group::Redis],
    );
    let sql = chart(
        "What sessions cost the server: SQLite, Postgres",
        above,
        [panel("In SQLite", Group::Sqlite), panel("In Postgres, on a scale of their own", Group::Postgres)]
            .into_iter()
            .flatten()
            .collect(),
        speed,
        &[Group::Sqlite, Group::Postgres],
    );
    let behind_redis = chart(
        "What sessions cost the Redis server",
        "CPU microseconds of the Redis server a request; it has one thread, which all machines share; shorter is better",
        sections(None, &rows(speed, Group::Redis), DATABASE),
        speed,
        &[Group::Redis],
    );
    let behind_postgres = chart(
        "What sessions cost the Postgres server",
        "CPU microseconds of all processes of the Postgres server a request; shorter is better",
        sections(None, &rows(speed, Group::Postgres), DATABASE),
        speed,
        &[Group::Postgres],
    );
    [
        ("speed.svg", here),
        ("speed-redis.svg", redis),
        ("speed-redis-server.svg", behind_redis),
        ("speed-sql.svg", sql),
        ("speed-postgres-server.svg", behind_postgres),
    ]
    .into_iter()
    .filter(|(_, chart)| !chart.sections.is_empty())
    .map(|(name, chart)| (name, chart.draw()))
    .collect()
}

fn rows(speed: &Speed, group: Group) -> Vec<&Line> {
    speed.rows.iter().filter(|row| Group::of(row.peer) == group).collect()
}

fn chart(title: &'static str, subtitle: &str, sections: Vec<Section>, speed: &Speed, groups: &[Group]) -> Chart {
    let rows = || speed.rows.iter().filter(|row| groups.contains(&Group::of(row.peer)));
    let mut notes = Vec::new();
    notes.extend(speed.load.as_ref().map(report::how_loaded));
    if rows().any(|row| row.peer.goframe_storage().is_some()) {
        notes.push(report::GOFRAME_ALWAYS_HAS_SESSIONS.to_owned());
    }
    notes.push(versions(rows().map(|row| row.name.as_str())));
    notes.push(format!("{}.", speed.machine.describe()));
    Chart { title, subtitle: subtitle.to_owned(), sections, notes, command: speed.command.clone() }
}

/// A section for each handler that has rows, all on one scale.
fn sections(panel: Option<&'static str>, rows: &[&Line], measure: Measure) -> Vec<Section> {
    let longest = rows.iter().filter_map(|row| (measure.of)(row)).fold(0.0, f64::max);
    let mut sections = Vec::new();
    for (handler, heading, explanation) in HANDLERS {
        let rows: Vec<Row> =
            rows.iter().filter(|row| row.handler == handler).filter_map(|row| bar(row, measure, longest)).collect();
        if !rows.is_empty() {
            let panel = panel.filter(|_| sections.is_empty());
            sections.push(Section { panel, heading, explanation, columns: Vec::new(), rows });
        }
    }
    sections
}

fn bar(row: &Line, measure: Measure, longest: f64) -> Option<Row> {
    let cost = (measure.of)(row)?;
    let mut text = (measure.in_words)(cost);
    if let Some(commands) = row.database_commands {
        let what = if Group::of(row.peer) == Group::Postgres { "statement" } else { "command" };
        text += &match report::short(commands).as_str() {
            "0" => format!(" · no {what}"),
            "1" => format!(" · 1 {what}"),
            commands => format!(" · {commands} {what}s"),
        };
    }
    let cell = Cell { share: share(cost, longest), text };
    Some(Row { name: short_name(row.peer).to_owned(), kind: kind(row.peer), cells: vec![cell] })
}

/// With its sign and unit. What is below a bare server is noise, and has no bar.
fn difference(number: f64) -> String {
    let text = format!("{:.1}", number.abs());
    let sign = if text == "0.0" {
        "±"
    } else if number < 0.0 {
        "−"
    } else {
        "+"
    };
    format!("{sign}{text} µs")
}

/// Of the longest; nothing if even that is nothing.
fn share(number: f64, longest: f64) -> f64 {
    if longest > 0.0 { (number / longest).clamp(0.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_a_sign_and_a_unit() {
        let texts = [12.34, 0.05, 0.04, -0.04, -3.0].map(difference);
        assert_eq!(texts, ["+12.3 µs", "+0.1 µs", "±0.0 µs", "±0.0 µs", "−3.0 µs"]);
    }

    #[test]
    fn a_share_is_of_the_longest() {
        assert_eq!([share(5.0, 10.0), share(10.0, 10.0), share(-2.0, 10.0), share(1.0, 0.0)], [0.5, 1.0, 0.0, 0.0]);
    }
}
