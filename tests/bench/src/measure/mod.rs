//! The table of speeds: which servers and handlers to measure, in what order, compared with what.

mod alloc;
pub(crate) mod callgrind;
mod commands;
pub(crate) mod cpu;

use anyhow::Result;
use clap::ValueEnum as _;

use crate::{
    cli::Speed,
    measured::{Case, Measured, Numbers},
    prerequisites,
    programs::Programs,
    report,
    servers::{Handler, Peer},
};

/// Measures what was asked for and prints it.
pub(crate) fn run(settings: &Speed) -> Result<()> {
    if !settings.skip_instructions {
        prerequisites::valgrind()?;
    }
    let programs = Programs::for_peers(&settings.peers)?;
    let cases = cases(settings, &programs);
    for database in cases.iter().filter_map(|(peer, _)| peer.database()) {
        database.look_for()?;
    }
    let mut measured = Measured::default();
    if !settings.skip_allocations {
        measured.allocations = each(&cases, "allocations", |case| alloc::per_request(&programs, case))?;
    }
    if !settings.skip_commands {
        for case @ (peer, handler) in cases.iter().copied().filter(|(peer, _)| peer.database().is_some()) {
            eprintln!("commands: {} {}", peer.name(), handler.path());
            let asked = commands::per_request(&programs, case)?;
            measured.commands.insert(case, asked.commands);
            measured.round_trips.insert(case, asked.round_trips);
            measured.inside_scripts.extend(asked.inside_scripts.map(|commands| (case, commands)));
        }
    }
    if !settings.skip_instructions {
        let folder = callgrind::Folder::new(settings.callgrind_dir.as_deref())?;
        let countable: Vec<Case> = cases.iter().copied().filter(|&case| callgrind::can_count(case)).collect();
        measured.instructions = each(&countable, "instructions", |case| callgrind::per_request(case, &folder))?;
    }
    if !settings.skip_cpu {
        let cpu = cpu::measure(&programs, &cases, &settings.load)?;
        measured.throughput = cpu.throughput;
        measured.p99_micros = cpu.p99_micros;
        measured.cpu = cpu.cpu;
        measured.cpu_above = cpu.above;
        measured.database_cpu = cpu.database_cpu;
    }
    report::speed(&cases, &measured, settings, programs.go_version())
}

/// What to measure: each chosen peer with its bare server, in the order in which peers are declared.
fn cases(settings: &Speed, programs: &Programs) -> Vec<Case> {
    let wanted = |peer: &&Peer| {
        settings.peers.is_empty() || settings.peers.iter().any(|chosen| chosen == *peer || chosen.bare() == **peer)
    };
    let peers = Peer::value_variants().iter().filter(wanted).filter(|peer| programs.can_serve(**peer));
    let handlers = |handler: &&Handler| settings.handlers.is_empty() || settings.handlers.contains(handler);
    peers
        .flat_map(|&peer| Handler::value_variants().iter().filter(handlers).map(move |&handler| (peer, handler)))
        .collect()
}

fn each(cases: &[Case], what: &str, measure: impl Fn(Case) -> Result<f64>) -> Result<Numbers> {
    let mut numbers = Numbers::new();
    for &(peer, handler) in cases {
        eprintln!("{what}: {} {}", peer.name(), handler.path());
        numbers.insert((peer, handler), measure((peer, handler))?);
    }
    Ok(numbers)
}
