//! What a million sessions in files cost others: how long a request waits while they are created, and while they all expire and
//! are swept.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use gsession::{ClientInfo, Clock as _, FileStorage, Manager, ManualClock, Saved, Storage as _};
use serde::Serialize;

use crate::{
    cli::Memory,
    latency::{self, Latency, timed},
    machine::Machine,
    report::{self, thousands},
    sample::fill,
    servers::Peer,
    versions,
};

/// After this time without use a session ends, by a clock that we move.
const IDLE: Duration = Duration::from_secs(60 * 60);
/// How long requests are timed while nothing else happens, to see what the machine alone does to them.
const QUIET: Duration = Duration::from_secs(3);

/// What was measured.
#[derive(Debug, Serialize)]
struct Outcome {
    sessions: u32,
    quiet: Latency,
    creating: Latency,
    create_ms: f64,
    sweeping: Latency,
    sweep_ms: f64,
}

/// Measures and prints.
pub(crate) fn run(settings: &Memory) -> Result<()> {
    let clock = ManualClock::default();
    // Beside the other build products, so on a disk of some size.
    let folder = tempfile::tempdir_in(std::env::current_exe()?.parent().context("this program is in no folder")?)?;
    let storage = FileStorage::builder(folder.path().join("sessions")).sweep_interval(Duration::MAX).build()?;
    let manager = Manager::builder(storage.clone()).idle_timeout(IDLE).clock(clock.clone()).build()?;
    let session = manager.begin(None, ClientInfo::default);
    session.set("n", &0)?;
    ensure!(session.save()? == Saved::Created, "a session was not stored");
    let id = session.id().context("a saved session has no id")?;
    let id = id.as_str();

    eprintln!("timing requests while nothing else happens");
    let started = Instant::now();
    let quiet = timed(&manager, id, || started.elapsed() < QUIET)?;
    eprintln!("timing requests while {} sessions are created", thousands(settings.sessions.into()));
    let (creating, create_ms) = during(&manager, id, || fill(&manager, settings.sessions).map(drop))?;
    // The session that is timed is used once more, and lives on when the others expire.
    clock.advance(IDLE - Duration::from_secs(60));
    timed(&manager, id, once())?;
    clock.advance(Duration::from_secs(120));
    eprintln!("timing requests while everything else is swept");
    let (sweeping, sweep_ms) = during(&manager, id, || {
        let swept = storage.sweep(clock.now())?;
        ensure!(swept.removed == u64::from(settings.sessions) && swept.kept == 1, "{swept:?}");
        Ok(())
    })?;
    print(settings, &Outcome { sessions: settings.sessions, quiet, creating, create_ms, sweeping, sweep_ms })
}

/// Says to go on once.
fn once() -> impl Fn() -> bool {
    let asked = std::cell::Cell::new(false);
    move || !asked.replace(true)
}

/// Times requests while another thread does something; how many milliseconds that took.
fn during(manager: &Manager, id: &str, work: impl FnOnce() -> Result<()> + Send) -> Result<(Latency, f64)> {
    let started = Instant::now();
    let latency = thread::scope(|scope| -> Result<Latency> {
        let work = scope.spawn(work);
        let latency = timed(manager, id, || !work.is_finished())?;
        work.join().map_err(|_| anyhow!("it panicked"))??;
        Ok(latency)
    })?;
    Ok((latency, started.elapsed().as_secs_f64() * 1e3))
}

fn print(settings: &Memory, outcome: &Outcome) -> Result<()> {
    let machine = Machine::this();
    let name = versions::describe(Peer::GsessionFile);
    if settings.json {
        return report::json(&serde_json::json!({ "machine": machine, "name": name, "outcome": outcome }));
    }
    println!("{name}. {}.\n", machine.describe());
    println!(
        "A request that reads and writes one session of {}, in microseconds:\n",
        thousands(outcome.sessions.into())
    );
    report::table(
        latency::HEAD,
        &[
            outcome.quiet.row("while nothing else happens"),
            outcome.creating.row("while all others are created"),
            outcome.sweeping.row("while all others have expired and are swept"),
        ],
    );
    println!(
        "\nCreating took {:.0} ms, sweeping {:.0} ms. Undisturbed: without the time in which other programs had the processor.",
        outcome.create_ms, outcome.sweep_ms
    );
    Ok(())
}
