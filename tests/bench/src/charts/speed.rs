//! The charts of CPU a request.

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

/// One chart for what needs no Redis server, one for what does; of these two those for which there are rows.
pub(super) fn charts(speed: &Speed) -> Vec<(&'static str, String)> {
    let rows = |wanted: fn(&Line) -> bool| -> Vec<&Line> {
        speed.rows.iter().filter(|row| row.cpu_micros_above_bare.is_some() && wanted(row)).collect()
    };
    let memory =
        sections(Some("In memory, or in the cookie"), &rows(|row| !row.peer.needs_redis() && !row.peer.needs_folder()));
    let files = sections(Some("In files, on a scale of their own"), &rows(|row| row.peer.needs_folder()));
    let redis = sections(None, &rows(|row| row.peer.needs_redis()));
    let here = chart(
        "What sessions cost the server: memory, cookie, files",
        memory.into_iter().chain(files).collect(),
        speed,
        |row| !row.peer.needs_redis(),
    );
    let there = chart("What sessions cost the server: Redis", redis, speed, |row| row.peer.needs_redis());
    [("speed.svg", here), ("speed-redis.svg", there)]
        .into_iter()
        .filter(|(_, chart)| !chart.sections.is_empty())
        .map(|(name, chart)| (name, chart.draw()))
        .collect()
}

fn chart(title: &'static str, sections: Vec<Section>, speed: &Speed, wanted: fn(&Line) -> bool) -> Chart {
    let rows = || speed.rows.iter().filter(|row| wanted(row));
    let mut notes = Vec::new();
    notes.extend(speed.load.as_ref().map(report::how_loaded));
    if rows().any(|row| row.peer.needs_redis()) {
        notes.push("The CPU is that of the web server; Redis runs beside it.".to_owned());
    }
    if rows().any(|row| row.peer.goframe_storage().is_some()) {
        notes.push(report::GOFRAME_ALWAYS_HAS_SESSIONS.to_owned());
    }
    notes.push(versions(rows().map(|row| row.name.as_str())));
    notes.push(format!("{}.", speed.machine.describe()));
    Chart {
        title,
        subtitle: "CPU microseconds a request above the same handler on the same framework without sessions; \
                   shorter is better"
            .to_owned(),
        sections,
        notes,
        command: speed.command.clone(),
    }
}

/// A section for each handler that has rows, all on one scale.
fn sections(panel: Option<&'static str>, rows: &[&Line]) -> Vec<Section> {
    let longest = rows.iter().filter_map(|row| row.cpu_micros_above_bare).fold(0.0, f64::max);
    let mut sections = Vec::new();
    for (handler, heading, explanation) in HANDLERS {
        let rows: Vec<Row> =
            rows.iter().filter(|row| row.handler == handler).filter_map(|row| bar(row, longest)).collect();
        if !rows.is_empty() {
            let panel = panel.filter(|_| sections.is_empty());
            sections.push(Section { panel, heading, explanation, columns: Vec::new(), rows });
        }
    }
    sections
}

fn bar(row: &Line, longest: f64) -> Option<Row> {
    let above = row.cpu_micros_above_bare?;
    let mut text = micros(above);
    if let Some(commands) = row.redis_commands {
        text += &match report::short(commands).as_str() {
            "0" => " · no command".to_owned(),
            "1" => " · 1 command".to_owned(),
            commands => format!(" · {commands} commands"),
        };
    }
    let cell = Cell { share: share(above, longest), text };
    Some(Row { name: short_name(row.peer).to_owned(), kind: kind(row.peer), cells: vec![cell] })
}

/// With its sign and unit. What is below a bare server is noise, and has no bar.
fn micros(number: f64) -> String {
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
        let texts = [12.34, 0.05, 0.04, -0.04, -3.0].map(micros);
        assert_eq!(texts, ["+12.3 µs", "+0.1 µs", "±0.0 µs", "±0.0 µs", "−3.0 µs"]);
    }

    #[test]
    fn a_share_is_of_the_longest() {
        assert_eq!([share(5.0, 10.0), share(10.0, 10.0), share(-2.0, 10.0), share(1.0, 0.0)], [0.5, 1.0, 0.0, 0.0]);
    }
}
