//! The charts of CPU a request: that of the web server, and that of the Redis server behind it.

use super::{
    chart::{Cell, Chart, Row, Section},
    kind, short_name, versions,
};
use crate::{
    report,
    results::{Line, Speed},
    servers::Handler,
};

/// In the order of the chart.
const HANDLERS: [(Handler, &str, &str); 4] = [
    (Handler::Untouched, "untouched", "the handler does not use its session"),
    (Handler::Read, "read", "one small entry"),
    (Handler::ReadWrite, "read and write", "a counter, one higher"),
    (Handler::Write, "write", "without reading"),
];

/// A number of a line, and how to write it.
#[derive(Clone, Copy)]
struct Measure {
    of: fn(&Line) -> Option<f64>,
    in_words: fn(f64) -> String,
}

/// Above a bare server.
const WEB: Measure = Measure { of: |line| line.cpu_micros_above_bare, in_words: difference };
/// Of the Redis server alone; a request that does not use its session costs it nothing.
const REDIS: Measure = Measure {
    of: |line| line.redis_cpu_micros.filter(|_| line.handler != Handler::Untouched),
    in_words: |micros| format!("{micros:.1} µs"),
};

/// One chart for what needs no Redis server, one for what does, and one of that server; of these those for which there are rows.
pub(super) fn charts(speed: &Speed) -> Vec<(&'static str, String)> {
    let rows = |wanted: fn(&Line) -> bool| -> Vec<&Line> { speed.rows.iter().filter(|row| wanted(row)).collect() };
    let memory = sections(
        Some("In memory, or in the cookie"),
        &rows(|row| !row.peer.needs_redis() && !row.peer.needs_folder()),
        WEB,
    );
    let files = sections(Some("In files, on a scale of their own"), &rows(|row| row.peer.needs_folder()), WEB);
    let redis = rows(|row| row.peer.needs_redis());
    let above =
        "CPU microseconds a request above the same handler on the same framework without sessions; shorter is better";
    let here = chart(
        "What sessions cost the server: memory, cookie, files",
        above,
        memory.into_iter().chain(files).collect(),
        speed,
        |row| !row.peer.needs_redis(),
    );
    let there = chart("What sessions cost the server: Redis", above, sections(None, &redis, WEB), speed, |row| {
        row.peer.needs_redis()
    });
    let behind = chart(
        "What sessions cost the Redis server",
        "CPU microseconds of the Redis server a request; it has one thread, which all machines share; shorter is better",
        sections(None, &redis, REDIS),
        speed,
        |row| row.peer.needs_redis(),
    );
    [("speed.svg", here), ("speed-redis.svg", there), ("speed-redis-server.svg", behind)]
        .into_iter()
        .filter(|(_, chart)| !chart.sections.is_empty())
        .map(|(name, chart)| (name, chart.draw()))
        .collect()
}

fn chart(
    title: &'static str,
    subtitle: &str,
    sections: Vec<Section>,
    speed: &Speed,
    wanted: fn(&Line) -> bool,
) -> Chart {
    let rows = || speed.rows.iter().filter(|row| wanted(row));
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
    if let Some(commands) = row.redis_commands {
        text += &match report::short(commands).as_str() {
            "0" => " · no command".to_owned(),
            "1" => " · 1 command".to_owned(),
            commands => format!(" · {commands} commands"),
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
