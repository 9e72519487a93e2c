//! The command line.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};

/// A login/logout web app with sessions that survive restarts.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// Where sessions are kept.
    #[arg(long, value_enum, default_value_t = Kind::File)]
    pub storage: Kind,

    /// The address to listen on; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// The folder of the file storage. It is made private to you.
    #[arg(long, value_name = "FOLDER", default_value = "gsession-demo-sessions")]
    pub session_dir: PathBuf,

    /// A session ends when it has not been used for so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 24 * 60 * 60, value_parser = clap::value_parser!(u64).range(1..))]
    idle_timeout: u64,

    /// A session ends so many seconds after it began, however much it is used; 0 for never.
    #[arg(long, value_name = "SECONDS", default_value_t = 7 * 24 * 60 * 60)]
    absolute_lifetime: u64,

    /// Worker threads.
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = parse_workers)]
    pub workers: usize,
}

/// The storages to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// One private file a session: survives a restart.
    File,
    /// In this process: gone when it ends.
    Memory,
}

impl Cli {
    /// How long an unused session lives.
    #[must_use]
    pub const fn idle_timeout(&self) -> Duration {
        Duration::from_secs(self.idle_timeout)
    }

    /// How long a session lives at most, if there is a bound.
    #[must_use]
    pub fn absolute_lifetime(&self) -> Option<Duration> {
        (self.absolute_lifetime > 0).then(|| Duration::from_secs(self.absolute_lifetime))
    }
}

fn parse_workers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(workers @ 1..=256) => Ok(workers),
        _ => Err("a number from 1 to 256".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn bad_values_are_refused() {
        for arguments in [["--storage", "disk"], ["--listen", "here"], ["--idle-timeout", "0"], ["--workers", "0"]] {
            let error = Cli::try_parse_from(["gsession-demo"].into_iter().chain(arguments)).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{arguments:?}");
        }
    }
}
