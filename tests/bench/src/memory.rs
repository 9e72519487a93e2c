//! What a million sessions in memory cost: bytes a session, and how long a request waits while they all expire.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use gsession::{ClientInfo, Clock as _, Manager, ManualClock, MemoryStorage, Saved, Storage as _};
use serde::Serialize;

use crate::{
    allocator,
    cli::Memory,
    latency::{Latency, timed},
    machine::Machine,
    prerequisites,
    report::{self, thousands},
    sample::{Owners, fill},
    servers::Peer,
    stored_size, versions,
};

/// After this time without use a session ends, by a clock that we move.
const IDLE: Duration = Duration::from_secs(60 * 60);
/// How long requests are timed before anything expires, to see what the machine alone does to them.
const QUIET: Duration = Duration::from_secs(3);

/// What was measured.
#[derive(Debug, Serialize)]
struct Outcome {
    sessions: u32,
    /// Bytes of the keys and the JSON texts of a session, on average.
    data_bytes: f64,
    /// Bytes of heap a session, as asked from the allocator.
    heap_bytes: f64,
    /// What a session adds to the resident set.
    resident_bytes: f64,
    /// At most twice the data and 200.
    budget_bytes: f64,
    /// Requests before anything expired.
    quiet: Latency,
    /// Requests while everything else was swept.
    sweeping: Latency,
    /// How long that took.
    sweep_ms: f64,
}

/// Measures and prints.
pub(crate) fn run(settings: &Memory) -> Result<()> {
    prerequisites::redis()?;
    let clock = ManualClock::default();
    let storage = MemoryStorage::builder()
        .max_sessions(settings.sessions as usize + 1) // one more for the requests that are timed
        .max_bytes(usize::MAX)
        .sweep_interval(Duration::MAX) // we sweep when we are ready to watch, by the same code as its own thread
        .build();
    let manager = Manager::builder(storage.clone()).idle_timeout(IDLE).clock(clock.clone()).build()?;

    eprintln!("making {} sessions", thousands(settings.sessions.into()));
    allocator::set_counting(true);
    let (heap, resident) = (allocator::live_bytes(), resident_bytes()?);
    let data = fill(&manager, settings.sessions, Owners::Nobody)?;
    let (heap, resident) = (allocator::live_bytes() - heap, resident_bytes()? - resident);
    // Counting would slow down the thread that sweeps and the one that is timed.
    allocator::set_counting(false);
    ensure!(storage.len() == settings.sessions as usize, "the storage holds {} sessions", storage.len());

    // A session that began later, and lives on when the others expire.
    clock.advance(IDLE - Duration::from_secs(60));
    let session = manager.begin(None, ClientInfo::default);
    session.set("n", &0)?;
    ensure!(session.save()? == Saved::Created, "a session was not stored");
    let id = session.id().context("a saved session has no id")?;
    let id = id.as_str();

    eprintln!("timing requests before anything expires");
    let started = Instant::now();
    let quiet = timed(&manager, id, || started.elapsed() < QUIET)?;
    eprintln!("timing requests while everything else expires");
    clock.advance(Duration::from_secs(120));
    let started = Instant::now();
    let sweeping = thread::scope(|scope| -> Result<Latency> {
        let sweep = scope.spawn(|| storage.sweep(clock.now()));
        let latency = timed(&manager, id, || !sweep.is_finished())?;
        sweep.join().map_err(|_| anyhow!("the sweep panicked"))??;
        Ok(latency)
    })?;
    let sweep_ms = started.elapsed().as_secs_f64() * 1e3;
    ensure!(storage.len() == 1, "{} sessions are left", storage.len());

    let each = |bytes: f64| bytes / f64::from(settings.sessions);
    let data_bytes = each(data as f64);
    print(
        settings,
        &Outcome {
            sessions: settings.sessions,
            data_bytes,
            heap_bytes: each(heap as f64),
            resident_bytes: each(resident as f64),
            budget_bytes: 2.0 * data_bytes + 200.0,
            quiet,
            sweeping,
            sweep_ms,
        },
    )
}

/// The resident set of this process.
fn resident_bytes() -> Result<i64> {
    let text = std::fs::read_to_string("/proc/self/statm").context("reading our own memory")?;
    let pages: i64 = text.split(' ').nth(1).context("the kernel's words on our memory")?.parse()?;
    Ok(pages * rustix::param::page_size() as i64)
}

fn print(settings: &Memory, outcome: &Outcome) -> Result<()> {
    let machine = Machine::this();
    let name = versions::describe(Peer::GsessionMemory);
    if settings.json {
        return report::json(&serde_json::json!({ "machine": machine, "name": name, "outcome": outcome }));
    }
    println!("{name}. {}.\n", machine.describe());
    println!("{} sessions with four small entries each; bytes a session:\n", thousands(outcome.sessions.into()));
    let bytes = |what: &str, bytes: f64| vec![what.to_owned(), format!("{bytes:.1}")];
    report::table(
        &["", "bytes"],
        &[
            bytes("its keys and values themselves", outcome.data_bytes),
            bytes("heap, as asked from the allocator", outcome.heap_bytes),
            bytes("resident set", outcome.resident_bytes),
            bytes("budget for the heap: twice its keys and values, and 200", outcome.budget_bytes),
        ],
    );
    println!("\nA request that reads and writes another session, in microseconds:\n");
    let latency = |what: &str, latency: &Latency| {
        let us = |number: f64| format!("{number:.1}");
        let requests = i64::try_from(latency.requests).unwrap_or(i64::MAX);
        vec![
            what.to_owned(),
            thousands(requests),
            us(latency.median_us),
            us(latency.p999_us),
            us(latency.longest_us),
            us(latency.longest_undisturbed_us),
        ]
    };
    report::table(
        &["", "requests", "median", "p99.9", "longest", "longest, undisturbed"],
        &[
            latency("before anything expires", &outcome.quiet),
            latency("while all others have expired and are swept", &outcome.sweeping),
        ],
    );
    println!(
        "\nThe sweep took {:.0} ms. Undisturbed: without the time in which other programs had the processor.",
        outcome.sweep_ms
    );
    stored_size::run()
}
