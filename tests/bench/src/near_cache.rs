//! Compares a read from the near cache of a Redis storage with a read from memory.

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::{
    cli::Near,
    machine::Machine,
    measure::{
        callgrind,
        cpu::{self, Cpu},
    },
    measured::{Case, Numbers, above_bare},
    prerequisites,
    programs::Programs,
    report::{self, thousands},
    servers::{Handler, Peer},
    versions,
};

const MEMORY: Case = (Peer::GsessionMemory, Handler::Read);
const NEAR: Case = (Peer::GsessionRedisNear, Handler::Read);
/// In the order of a round, so that what is compared is measured one right after the other.
const CASES: [Case; 3] = [MEMORY, (Peer::Bare, Handler::Read), NEAR];

/// What was measured.
#[derive(Debug, Serialize)]
struct Outcome {
    memory: Read,
    near: Read,
    /// Of the medians of the CPU above bare.
    cpu_ratio: Option<f64>,
    /// The lower and the upper quartile of the ratios within a round.
    cpu_ratio_quartiles: Option<(f64, f64)>,
    instructions_ratio: Option<f64>,
    /// Commands that a cached read sent, under load.
    commands: f64,
}

/// A read, above the same handler without sessions.
#[derive(Debug, Serialize)]
struct Read {
    name: String,
    cpu_micros_above_bare: f64,
    instructions_above_bare: Option<f64>,
}

/// Measures and prints.
pub(crate) fn run(settings: &Near) -> Result<()> {
    prerequisites::redis()?;
    let mut instructions = Numbers::new();
    if !settings.skip_instructions {
        prerequisites::valgrind()?;
        let folder = callgrind::Folder::new(None)?;
        for case @ (peer, handler) in CASES {
            eprintln!("instructions: {} {}", peer.name(), handler.path());
            instructions.insert(case, callgrind::per_request(case, &folder)?);
        }
    }
    let rounds = cpu::rounds(&Programs::default(), &CASES, &settings.load)?;
    print(settings, &outcome(&rounds, &instructions)?)
}

fn outcome(rounds: &[Cpu], instructions: &Numbers) -> Result<Outcome> {
    let medians = cpu::medians(&CASES, rounds);
    let read = |case: Case| -> Result<Read> {
        Ok(Read {
            name: versions::describe(case.0),
            cpu_micros_above_bare: *medians.above.get(&case).context("a read that was not measured")?,
            instructions_above_bare: above_bare(instructions, case),
        })
    };
    let (memory, near) = (read(MEMORY)?, read(NEAR)?);
    let within = |round: &Cpu| ratio(*round.above.get(&NEAR)?, *round.above.get(&MEMORY)?);
    // Too noisy a machine may find a read cheaper than none; then the ratios mean nothing.
    let ratios: Option<Vec<f64>> = rounds.iter().map(within).collect();
    Ok(Outcome {
        cpu_ratio: ratio(near.cpu_micros_above_bare, memory.cpu_micros_above_bare),
        cpu_ratio_quartiles: ratios.and_then(quartiles),
        instructions_ratio: near
            .instructions_above_bare
            .zip(memory.instructions_above_bare)
            .and_then(|(near, memory)| ratio(near, memory)),
        commands: *medians.commands.get(&NEAR).context("commands that were not counted")?,
        memory,
        near,
    })
}

fn ratio(near: f64, memory: f64) -> Option<f64> {
    (memory > 0.0).then(|| near / memory)
}

fn quartiles(mut numbers: Vec<f64>) -> Option<(f64, f64)> {
    numbers.sort_by(f64::total_cmp);
    let last = numbers.len().checked_sub(1)?;
    Some((*numbers.get(last / 4)?, *numbers.get(last - last / 4)?))
}

fn print(settings: &Near, outcome: &Outcome) -> Result<()> {
    let machine = Machine::this();
    if settings.json {
        return report::json(&serde_json::json!({ "machine": machine, "outcome": outcome }));
    }
    println!("{}.\n", machine.describe());
    let row = |read: &Read| {
        let instructions = read.instructions_above_bare.map_or("-".to_owned(), |number| {
            format!("{}{}", if number < 0.0 { "" } else { "+" }, thousands(number.round() as i64))
        });
        vec![read.name.clone(), format!("{:+.2}", read.cpu_micros_above_bare), instructions]
    };
    let times = |ratio: Option<f64>| ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
    let ratios = vec!["ratio".to_owned(), times(outcome.cpu_ratio), times(outcome.instructions_ratio)];
    let head = ["a read, above the same handler without sessions", "CPU us/request", "instructions/request"];
    report::table(&head, &[row(&outcome.memory), row(&outcome.near), ratios]);
    let spread = outcome.cpu_ratio_quartiles.map_or_else(
        || "In some round a read from memory was no dearer than none: the machine is too noisy for a ratio".to_owned(),
        |(lower, upper)| format!("Within a round, half of the ratios of CPU lie between {lower:.2} and {upper:.2}"),
    );
    println!(
        "\nCPU: {} {spread}. Under this load {:.4} commands a request reached the Redis server.",
        report::how_loaded(&settings.load),
        outcome.commands
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_to_nothing_is_none() {
        assert_eq!(ratio(3.0, 2.0), Some(1.5));
        assert_eq!(ratio(3.0, 0.0), None);
        assert_eq!(ratio(3.0, -1.0), None);
    }

    #[test]
    fn half_lies_between_the_quartiles() {
        assert_eq!(quartiles(vec![5.0, 1.0, 4.0, 2.0, 3.0]), Some((2.0, 4.0)));
        assert_eq!(quartiles(vec![1.0]), Some((1.0, 1.0)));
        assert_eq!(quartiles(vec![]), None);
    }
}
