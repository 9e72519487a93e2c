//! The chart of how costs grow with the number of sessions.

use super::chart::{Cell, Chart, Kind, Row, Section};
use crate::{
    report::thousands,
    results::{Grown, Scale},
};

/// A number of a row.
type Cost = fn(&Grown) -> f64;

/// What is compared, with the CPU of the process and of the Redis server together.
const COSTS: [(&str, &str, Cost); 5] = [
    ("create", "with four small entries", |row| row.create_micros + row.create_redis_micros.unwrap_or_default()),
    ("read", "one small entry", |row| row.read_micros + row.read_redis_micros.unwrap_or_default()),
    ("read and write", "a counter, one higher", |row| row.change_micros + row.change_redis_micros.unwrap_or_default()),
    ("list", "the three sessions of one user", |row| row.list_micros + row.list_redis_micros.unwrap_or_default()),
    ("sweep", "for each session that has ended", |row| row.sweep_micros + row.sweep_redis_micros.unwrap_or_default()),
];

pub(super) fn chart(scale: &Scale) -> Chart {
    let sections = COSTS.iter().map(|&(heading, explanation, cost)| {
        let longest = scale.rows.iter().map(cost).fold(0.0, f64::max);
        let row = |row: &Grown| Row {
            name: format!("{}, {}", row.storage, thousands(row.sessions.into())),
            kind: Kind::Ours,
            cells: vec![Cell { share: cost(row) / longest.max(f64::MIN_POSITIVE), text: time(cost(row)) }],
        };
        let rows = scale.rows.iter().map(row).collect();
        Section { panel: None, heading, explanation, columns: Vec::new(), rows }
    });
    Chart {
        title: "What sessions cost when there are many",
        subtitle: "CPU microseconds of one operation, that of the Redis server included; bars of a storage should be of one length"
            .to_owned(),
        sections: sections.collect(),
        notes: vec![
            "Over the blocking interface, one session at a time, in no order. Each section has a scale of its own.".to_owned(),
            format!("{}.", scale.machine.describe()),
        ],
        command: scale.command.clone(),
    }
}

/// Microseconds in a unit that fits.
fn time(micros: f64) -> String {
    if micros < 1e3 {
        format!("{micros:.1} µs")
    } else if micros < 1e6 {
        format!("{:.1} ms", micros / 1e3)
    } else {
        format!("{:.1} s", micros / 1e6)
    }
}
