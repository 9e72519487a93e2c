//! What the command line accepts.

use std::time::Duration;

use clap::{
    Args, CommandFactory as _, Parser, Subcommand, ValueEnum as _, builder::RangedU64ValueParser, error::ErrorKind,
};

use gsession_test_servers::{PostgresServer, program};

use crate::target::{Sabotage, Target};

/// Tortures gsession over real HTTP and reports what was lost.
///
/// Browsers with several tabs each log in, read, write, count, renew, fail, hang up and log out, all at once. They hang up in
/// the middle of a login and repeat it at once, click twice on it, and hold two cookies of one name. The service also uses its
/// sessions when the response is there already. A user logs in on more devices than are allowed, lists them and ends them; the
/// ids of other sessions rotate, and old ones are stolen. Meanwhile a second hand kills and restarts the service processes and the servers
/// they store in, or lets them fail over. What was acknowledged is kept in a ledger. Everything runs on the loopback address and
/// ends by itself, or early and with its report on Ctrl-C.
///
/// Exit status: 0 nothing was found (the peers aside), 1 something was, 2 the command line makes no sense or something is not
/// installed.
#[derive(Debug, Parser)]
#[command(name = "gsession-torture", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) torture: Torture,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves one target until standard input closes (the program starts itself with this)
    #[command(hide = true)]
    Serve(Serve),
}

#[derive(Debug, Args)]
pub(crate) struct Torture {
    /// What to torture (may be repeated). Without: everything there is, with the feature `peers` the peers as well
    #[arg(long = "storage", value_name = "STORAGE")]
    pub(crate) storages: Vec<Target>,

    /// For how long each storage is tortured: 30s, 5m, 12h
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub(crate) duration: Duration,

    /// Browsers at the same time
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = RangedU64ValueParser::<usize>::new().range(1..=200))]
    pub(crate) clients: usize,

    /// Tabs of each browser
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = RangedU64ValueParser::<usize>::new().range(1..=32))]
    pub(crate) tabs: usize,

    /// What the browsers and the second hand do follows from this number; when exactly does not. Without: another one each time
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,

    /// Kills, freezes and fails over nothing
    #[arg(long)]
    pub(crate) no_faults: bool,

    /// Goes on, for a minute at most, until all there is to do has been done at least once
    #[arg(long, conflicts_with = "no_faults")]
    pub(crate) until_all_done: bool,

    /// Goes on, for a minute at most, until a finding contains this text (may be repeated)
    #[arg(long, value_name = "TEXT")]
    pub(crate) until_found: Vec<String>,

    /// Prints JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,

    /// Breaks the service on actix-web on purpose, to see it found
    #[arg(long, value_name = "HOW")]
    pub(crate) sabotage: Option<Sabotage>,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// What to serve
    #[arg(long)]
    pub(crate) target: Target,

    /// The folder or the URLs of the storage
    #[arg(long)]
    pub(crate) place: Vec<String>,

    /// What every path begins with, and the key of signed cookies
    #[arg(long)]
    pub(crate) secret: String,

    /// What is broken on purpose
    #[arg(long)]
    pub(crate) sabotage: Option<Sabotage>,
}

impl Cli {
    /// Reads the command line. What makes no sense is explained, and ends the process with status 2.
    pub(crate) fn read() -> Self {
        let mut cli = Self::parse();
        if cli.command.is_none() {
            if cli.torture.storages.is_empty() {
                cli.torture.storages = Target::value_variants().to_vec();
            }
            if let Err(refused) = cli.torture.check() {
                Self::command().error(ErrorKind::ValueValidation, refused).exit();
            }
        }
        cli
    }
}

impl Torture {
    fn check(&self) -> Result<(), String> {
        if self.sabotage == Some(Sabotage::NoExpiry) && !self.storages.iter().all(|target| target.needs_redis()) {
            return Err("only keys in Redis have an expiry to lose".to_owned());
        }
        if self.sabotage.is_some() && !self.storages.iter().all(|target| target.is_ours()) {
            return Err("only gsession's own storages can be sabotaged".to_owned());
        }
        if self.sabotage.is_some() && self.storages.iter().any(|target| target.is_on_axum()) {
            return Err("only the service on actix-web can be sabotaged".to_owned());
        }
        if self.until_all_done && !self.storages.iter().all(|target| target.is_ours()) {
            return Err("only gsession is asked to do everything".to_owned());
        }
        if self.storages.iter().any(|target| target.needs_redis()) {
            program::redis()?;
        }
        if self.storages.contains(&Target::Postgres) {
            PostgresServer::look_for()?;
        }
        Ok(())
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    const RANGE: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30 * 24 * 60 * 60);
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if RANGE.contains(&duration) { Ok(duration) } else { Err("it must be between a second and thirty days".to_owned()) }
}
