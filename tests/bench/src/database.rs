//! The database server behind a server that is measured: Redis or PostgreSQL.

use std::collections::BTreeMap;

use anyhow::Result;
use gsession_test_servers::{Monitor, PostgresServer, Proxy, RedisServer};

use crate::{prerequisites, redis_info};

/// A kind of database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Redis,
    Postgres,
}

/// A running database server of ours.
#[derive(Debug)]
pub(crate) enum Database {
    Redis(RedisServer),
    Postgres(PostgresServer),
}

/// What a database server has done since it started.
pub(crate) struct Done {
    /// CPU microseconds of each of its processes, by their ids.
    cpu: BTreeMap<u32, f64>,
    /// Commands that it has run, those inside scripts included. PostgreSQL does not count them.
    commands: Option<f64>,
}

/// What a database server has done between two looks at it.
pub(crate) struct Work {
    /// CPU microseconds of all its processes.
    pub(crate) cpu: f64,
    pub(crate) commands: Option<f64>,
}

/// What a database server was asked for.
pub(crate) struct Asked {
    /// Commands or statements that were sent.
    pub(crate) commands: usize,
    /// Commands that scripts ran.
    pub(crate) inside_scripts: Option<usize>,
}

/// Looks at what a database server is asked for, from now on.
pub(crate) enum Witness<'a> {
    Redis(Monitor),
    Postgres {
        server: &'a PostgresServer,
        /// How many statements it had run before.
        earlier: usize,
    },
}

impl Kind {
    /// The option that names the server to one that is measured.
    pub(crate) const fn option(self) -> &'static str {
        match self {
            Self::Redis => "--redis",
            Self::Postgres => "--postgres",
        }
    }

    /// Whether it is installed.
    pub(crate) fn look_for(self) -> Result<()> {
        match self {
            Self::Redis => prerequisites::redis(),
            Self::Postgres => prerequisites::postgres(),
        }
    }
}

impl Database {
    /// Starts one, which tells what it is asked for if it `has_witness`, which costs it time.
    pub(crate) fn start(kind: Kind, has_witness: bool) -> Self {
        match kind {
            Kind::Redis => Self::Redis(RedisServer::start()),
            Kind::Postgres if has_witness => Self::Postgres(PostgresServer::builder().log_statements().start()),
            Kind::Postgres => Self::Postgres(PostgresServer::start()),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        match self {
            Self::Redis(server) => server.port(),
            Self::Postgres(server) => server.port(),
        }
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Redis(server) => server.url(),
            Self::Postgres(server) => server.url(),
        }
    }

    /// Its URL through a proxy.
    pub(crate) fn url_through(&self, proxy: &Proxy) -> String {
        match self {
            Self::Redis(_) => proxy.url(),
            Self::Postgres(_) => PostgresServer::url_at(proxy.port()),
        }
    }

    /// What it has done so far.
    pub(crate) fn done(&self) -> Result<Done> {
        match self {
            Self::Redis(server) => Ok(Done {
                cpu: BTreeMap::from([(server.pid(), redis_info::cpu_seconds(server)? * 1e6)]),
                commands: Some(redis_info::number(server, "stats", "total_commands_processed")?),
            }),
            Self::Postgres(server) => {
                // One may end while we look.
                let cpu = server.pids().into_iter().filter_map(|pid| Some((pid, cpu_micros(pid)?))).collect();
                Ok(Done { cpu, commands: None })
            }
        }
    }

    /// Begins to look at what it is asked for.
    pub(crate) fn witness(&self) -> Witness<'_> {
        match self {
            Self::Redis(server) => Witness::Redis(Monitor::of(server)),
            Self::Postgres(server) => Witness::Postgres { server, earlier: server.statements().len() },
        }
    }
}

impl Done {
    /// What was done since an earlier look.
    pub(crate) fn since(&self, earlier: &Self) -> Work {
        let cpu = |(pid, micros): (&u32, &f64)| micros - earlier.cpu.get(pid).copied().unwrap_or_default();
        Work {
            cpu: self.cpu.iter().map(cpu).sum(),
            commands: self.commands.zip(earlier.commands).map(|(after, before)| after - before),
        }
    }
}

impl Witness<'_> {
    /// What it was asked for since.
    pub(crate) fn asked(self) -> Asked {
        match self {
            Self::Redis(mut monitor) => {
                let seen = monitor.seen();
                Asked { commands: seen.commands.len(), inside_scripts: Some(seen.inside_scripts.len()) }
            }
            Self::Postgres { server, earlier } => {
                Asked { commands: server.statements().len() - earlier, inside_scripts: None }
            }
        }
    }
}

/// CPU microseconds of a process that has one thread, to the nanosecond; `/proc/*/stat` has hundredths of a second, which is too
/// coarse for many processes that each do a little.
fn cpu_micros(process: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/schedstat")).ok()?;
    let nanos: f64 = text.split(' ').next()?.parse().ok()?;
    Some(nanos / 1e3)
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn processes_that_come_and_go_do_not_disturb_the_others() {
        let done = |cpu: &[(u32, f64)]| Done { cpu: cpu.iter().copied().collect(), commands: None };
        let before = done(&[(1, 10.0), (2, 500.0)]);
        let after = done(&[(1, 12.0), (3, 4.0)]);
        assert!((after.since(&before).cpu - 6.0).abs() < 1e-9);
    }

    #[test]
    fn a_process_has_used_some_cpu() -> Result<()> {
        assert!(cpu_micros(std::process::id()).context("our own CPU")? > 0.0);
        Ok(())
    }
}
