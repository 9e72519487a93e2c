//! Throughput and server CPU a request under load: what a user feels, and as noisy as the machine is.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::Duration,
};

use anyhow::{Context as _, Result};

use crate::{
    child::{Mode, Server},
    client::{Connection, Loaded, load, log_in, request},
    database::{Database, Work},
    load::Load,
    measured::{Case, Numbers, above_bare},
    programs::Programs,
    servers::{Handler, Peer},
};

/// Requests a second, the 99th percentile of how long they took, CPU microseconds a request, those above the bare server, those of
/// the database server, and how many commands a Redis server ran for each: of one round, or medians over the rounds.
#[derive(Debug, Default)]
pub(crate) struct Cpu {
    pub(crate) throughput: Numbers,
    pub(crate) p99_micros: Numbers,
    pub(crate) cpu: Numbers,
    pub(crate) above: Numbers,
    pub(crate) database_cpu: Numbers,
    pub(crate) commands: Numbers,
}

/// The medians of all rounds.
pub(crate) fn measure(programs: &Programs, cases: &[Case], settings: &Load) -> Result<Cpu> {
    Ok(medians(cases, &rounds(programs, cases, settings)?))
}

/// Measures all cases in turn, round after round, so that a busy minute of the machine meets all of them alike.
pub(crate) fn rounds(programs: &Programs, cases: &[Case], settings: &Load) -> Result<Vec<Cpu>> {
    let mut servers: BTreeMap<Peer, (Server, Vec<String>)> = BTreeMap::new();
    for &(peer, _) in cases {
        if let Entry::Vacant(entry) = servers.entry(peer) {
            let server = Server::start(programs, peer, Mode::Plain)?;
            // Each connection is a user of its own.
            let cookies = (0..settings.connections).map(|_| log_in(server.address())).collect::<Result<_>>()?;
            entry.insert((server, cookies));
        }
    }

    let mut rounds: Vec<Cpu> = Vec::new();
    // Round 0 warms the servers up and is thrown away.
    for round in 0..=settings.rounds {
        eprintln!("throughput and CPU: round {round} of {}", settings.rounds);
        let mut numbers = Cpu::default();
        for &(peer, handler) in cases {
            let (server, cookies) = servers.get(&peer).context("a server that was not started")?;
            let sample = sample(server, handler, cookies, Duration::from_millis(settings.millis))
                .with_context(|| format!("loading {} {}", peer.name(), handler.path()))?;
            numbers.throughput.insert((peer, handler), sample.throughput);
            numbers.p99_micros.insert((peer, handler), sample.p99_micros);
            numbers.cpu.insert((peer, handler), sample.cpu);
            if let Some(work) = sample.database {
                numbers.database_cpu.insert((peer, handler), work.cpu);
                numbers.commands.extend(work.commands.map(|commands| ((peer, handler), commands)));
            }
        }
        for &case in cases {
            // Within a round, so that the machine's drift from round to round cancels.
            numbers.above.extend(above_bare(&numbers.cpu, case).map(|above| (case, above)));
        }
        if round > 0 {
            rounds.push(numbers);
        }
    }
    for (server, _) in servers.into_values() {
        server.finish()?;
    }
    Ok(rounds)
}

/// The medians of rounds.
pub(crate) fn medians(cases: &[Case], rounds: &[Cpu]) -> Cpu {
    let medians = |numbers: fn(&Cpu) -> &Numbers| {
        let of = |case| median(rounds.iter().filter_map(|round| numbers(round).get(case).copied()).collect());
        cases.iter().filter_map(|case| Some((*case, of(case)?))).collect()
    };
    Cpu {
        throughput: medians(|round| &round.throughput),
        p99_micros: medians(|round| &round.p99_micros),
        cpu: medians(|round| &round.cpu),
        above: medians(|round| &round.above),
        database_cpu: medians(|round| &round.database_cpu),
        commands: medians(|round| &round.commands),
    }
}

/// Requests a second, the 99th percentile of how long they took, CPU microseconds of the server a request, and what a request costs
/// its database server.
struct Sample {
    throughput: f64,
    p99_micros: f64,
    cpu: f64,
    database: Option<Work>,
}

fn sample(server: &Server, handler: Handler, cookies: &[String], time: Duration) -> Result<Sample> {
    let open = |cookie: &String| Ok((Connection::open(server.address())?, request(handler.path(), Some(cookie))));
    let mut connections = cookies.iter().map(open).collect::<Result<Vec<_>>>()?;
    // Accepting is not what is measured.
    load(&mut connections, Duration::ZERO)?;
    let done = || server.database().map(Database::done).transpose();
    let (before, done_before) = (cpu_time(server.process())?, done()?);
    let Loaded { elapsed, mut micros } = load(&mut connections, time)?;
    let spent = cpu_time(server.process())? - before;
    micros.sort_by(f32::total_cmp);
    let p99_micros = micros.get(micros.len() * 99 / 100).copied().map_or(0.0, f64::from);
    let requests = micros.len() as f64;
    Ok(Sample {
        throughput: requests / elapsed.as_secs_f64(),
        p99_micros,
        cpu: spent * 1e6 / requests,
        database: done()?.zip(done_before).map(|(after, before)| {
            let Work { cpu, commands } = after.since(&before);
            Work { cpu: cpu / requests, commands: commands.map(|commands| commands / requests) }
        }),
    })
}

/// Seconds of CPU, user's and kernel's, that all threads of a process have used.
fn cpu_time(process: u32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).context("reading the server's CPU time")?;
    parse_stat(&text).context("the kernel's words on the server's CPU time")
}

fn parse_stat(text: &str) -> Option<f64> {
    // The name of the program, in parentheses, may hold spaces; utime and stime are the 12th and 13th field behind it.
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / rustix::param::clock_ticks_per_second() as f64)
}

pub(crate) fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    let upper = *numbers.get(middle)?;
    if numbers.len() % 2 == 1 {
        return Some(upper);
    }
    Some((numbers.get(middle - 1)? + upper) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_have_any_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 500 0 0 0 150 50 0 0 20 0 4 0 99";
        let seconds = 200.0 / rustix::param::clock_ticks_per_second() as f64;
        assert_eq!(parse_stat(stat), Some(seconds));
        assert_eq!(parse_stat("7 (a) S 1"), None);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(vec![]), None);
    }
}
