//! Measures gsession next to its peers: speed, allocations, memory, and updates lost under overlap.
//!
//! `cargo run --release -p gsession-bench` prints the table of speeds; `--help` names the rest.

mod allocator;
mod charts;
mod child;
mod cli;
mod client;
mod elsewhere;
mod installed;
mod lost;
mod machine;
mod measure;
mod memory;
mod nagle;
mod near;
mod programs;
mod report;
mod results;
mod servers;
mod stall;

use std::process::ExitCode;

use cli::{Cli, Command};

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

fn main() -> ExitCode {
    let cli = Cli::read();
    let outcome = match cli.command {
        Some(Command::Serve(settings)) => servers::serve(&settings),
        Some(Command::Memory(settings)) => memory::run(&settings),
        Some(Command::Near(settings)) => near::run(&settings),
        Some(Command::Nagle(settings)) => nagle::run(&settings),
        Some(Command::Lost(settings)) => lost::run(&settings),
        Some(Command::Charts(settings)) => charts::run(&settings),
        None => measure::run(&cli.speed),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gsession-bench: {error:#}");
            if error.is::<installed::Missing>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}
