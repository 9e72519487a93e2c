//! Measures gsession next to its peers: speed, allocations, memory, and updates lost under overlap.
//!
//! `cargo run --release -p gsession-bench` prints the table of speeds; `--help` names the rest.

mod allocator;
mod charts;
mod child;
mod cli;
mod client;
mod database;
mod latency;
mod load;
mod lost_updates;
mod machine;
mod measure;
mod measured;
mod memory;
mod nagle;
mod near_cache;
mod prerequisites;
mod programs;
mod redis_info;
mod report;
mod results;
mod sample;
mod scale;
mod servers;
mod stored_size;
mod versions;

use std::process::ExitCode;

use cli::{Cli, Command};

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

fn main() -> ExitCode {
    let cli = Cli::read();
    let outcome = match cli.command {
        Some(Command::Serve(settings)) => servers::serve(&settings),
        Some(Command::Memory(settings)) => memory::run(&settings),
        Some(Command::Scale(settings)) => scale::run(&settings),
        Some(Command::Near(settings)) => near_cache::run(&settings),
        Some(Command::Nagle(settings)) => nagle::run(&settings),
        Some(Command::Lost(settings)) => lost_updates::run(&settings),
        Some(Command::Charts(settings)) => charts::run(&settings),
        None => measure::run(&cli.speed),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gsession-bench: {error:#}");
            if error.is::<prerequisites::Missing>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}
