//! Tortures a session library over real HTTP: browsers with several tabs each log in, read, write, count, renew and log out,
//! fail, hang up by FIN and by RST, repeat their logins, click twice and hold two cookies of one name. Users with several devices list
//! and end them, ids rotate and are stolen. Meanwhile a second hand kills and restarts the services and what they store in. A ledger of what was acknowledged says in the end what was lost.
//!
//! `cargo run --release -p gsession-torture -- --help` names the rest.

mod backend;
mod browser;
mod cli;
mod client;
mod crowd;
mod episode;
mod faults;
mod fleet;
mod ledger;
mod logout;
mod report;
mod rotation;
mod run;
mod scope;
mod service;
mod target;
mod world;

use std::process::ExitCode;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::read();
    let outcome = match cli.command {
        Some(Command::Serve(settings)) => service::serve(&settings).map(|()| true),
        None => run::run(&cli.torture),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("gsession-torture: {error:#}");
            ExitCode::FAILURE
        }
    }
}
