//! The program `gsession`, for operators: counts, lists and ends sessions, checks, sweeps and migrates storages.
//!
//! ```text
//! cli         what the command line says
//! storage/    the storage that it names
//! commands/   one file for each command
//! output/     tables, JSON, times, and who waits
//! failure     what went wrong, and what to do
//! warnings    what the library logs
//! ```

mod cli;
mod commands;
mod failure;
mod output;
mod storage;
mod warnings;

use std::process::ExitCode;

use clap::CommandFactory as _;
use tokio::runtime::Builder;

use crate::{cli::Cli, failure::Failure};

fn main() -> ExitCode {
    let cli = Cli::read();
    warnings::print();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(error)) => Failure::Usage(error.format(&mut Cli::command())).report(),
        Err(failure) => failure.report(),
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            biased;
            outcome = commands::run(cli) => outcome,
            Ok(()) = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
        }
    });
    // What still runs in a thread of its own ends with the process, which leaves every storage whole.
    runtime.shutdown_background();
    outcome
}
