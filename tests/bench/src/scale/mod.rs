//! How costs grow with the number of sessions: each storage is filled, used and emptied, with a thousand sessions and with more.

mod place;
mod work;

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use gsession::{Clock as _, Manager, ManualClock};

pub(crate) use self::place::Kind;
use self::{place::Place, work::Work};
use crate::{
    cli::Scale,
    latency::timed,
    machine::Machine,
    prerequisites,
    report::{self, short, thousands},
    results::{self, Grown, Results},
    sample::{Owners, fill},
};

/// After this time without use a session ends, by a clock that we move.
pub(super) const IDLE: Duration = Duration::from_secs(60 * 60);
/// So many sessions are made and swept first. There is one in each of the 256 sub-folders among them.
const WARM_UP: u32 = 3_000;
/// How many sessions are made, read and changed to see what one costs; some of them several times if there are fewer.
const SAMPLE: u32 = 10_000;

/// Measures and prints.
pub(crate) fn run(settings: &Scale) -> Result<()> {
    let storages = if settings.storages.is_empty() { place::ALL.to_vec() } else { settings.storages.clone() };
    if storages.iter().any(|storage| storage.is_in_redis()) {
        prerequisites::redis()?;
    }
    let mut rows = Vec::new();
    for &storage in &storages {
        for &sessions in &settings.sessions {
            eprintln!("{} sessions, {}", thousands(sessions.into()), storage.name());
            rows.push(measure(storage, sessions)?);
        }
    }
    let machine = Machine::this();
    if settings.json {
        return report::json(&Results::Scale(results::Scale { command: results::command(), machine, rows }));
    }
    print(&machine, &rows);
    Ok(())
}

fn measure(storage: place::Kind, sessions: u32) -> Result<Grown> {
    let clock = ManualClock::default();
    let mut place = Place::new(storage, sessions)?;
    let manager = |place: &Place| -> Result<Manager> {
        Ok(Manager::builder(place.storage()).idle_timeout(IDLE).clock(clock.clone()).build()?)
    };
    let managed = manager(&place)?;
    // The connection, the scripts, the sub-folders, and what else is made once.
    fill(&managed, WARM_UP, Owners::Users)?;
    clock.advance(2 * IDLE);
    place.storage().sweep(clock.now())?;
    let empty = place.bytes()?;

    let sample = SAMPLE.min(sessions / 2);
    fill(&managed, sessions - sample, Owners::Users)?;
    let create = Work::of(&place, sample, || fill(&managed, sample, Owners::Users).map(drop))?;
    let bytes = (place.bytes()? - empty) / f64::from(sessions);

    let ids = work::ids(&managed, sample)?;
    let read = Work::of(&place, SAMPLE, || work::read(&managed, &ids, SAMPLE))?;
    let change = Work::of(&place, SAMPLE, || work::change(&managed, &ids, SAMPLE))?;
    let list = work::list(&place, &managed, clock.now())?;
    drop(managed);

    place.close();
    let started = Instant::now();
    place.open()?;
    let managed = manager(&place)?;
    let ids = if place.keeps_sessions() { ids } else { work::ids(&managed, 1)? };
    work::read(&managed, &ids, 1)?;
    let start_ms = started.elapsed().as_secs_f64() * 1e3;
    if !place.keeps_sessions() {
        fill(&managed, sessions, Owners::Users)?;
    }

    // A session that began later lives on when the others expire.
    clock.advance(IDLE - Duration::from_secs(60));
    let witness = work::witness(&managed)?;
    clock.advance(Duration::from_secs(120));
    let swept = std::thread::scope(|scope| -> Result<_> {
        let sweep = scope.spawn(|| Work::of(&place, sessions, || Ok(place.storage().sweep(clock.now()).map(drop)?)));
        let latency = timed(&managed, &witness, || !sweep.is_finished())?;
        Ok((sweep.join().map_err(|_| anyhow!("the sweep panicked"))??, latency))
    });
    let (sweep, latency) = swept?;
    ensure!(work::read(&managed, &[witness], 1).is_ok(), "the sweep has removed a live session");
    Ok(Grown {
        storage: storage.name().to_owned(),
        sessions,
        create_micros: create.cpu,
        read_micros: read.cpu,
        change_micros: change.cpu,
        list_micros: list.cpu,
        sweep_micros: sweep.cpu,
        create_redis_micros: create.redis,
        read_redis_micros: read.redis,
        change_redis_micros: change.redis,
        list_redis_micros: list.redis,
        sweep_redis_micros: sweep.redis,
        longest_pause_ms: latency.longest_undisturbed_us / 1e3,
        bytes,
        start_ms,
    })
}

fn print(machine: &Machine, rows: &[Grown]) {
    println!("{}.\n", machine.describe());
    let head = [
        "",
        "sessions",
        "create, us",
        "read, us",
        "read and write, us",
        "list, us",
        "sweep, us/session",
        "longest request meanwhile, ms",
        "bytes/session",
        "start, ms",
    ];
    let both = |own: f64, redis: Option<f64>| match redis {
        Some(redis) => format!("{own:.1} + {redis:.1}"),
        None => format!("{own:.1}"),
    };
    let cells = |row: &Grown| {
        vec![
            row.storage.clone(),
            thousands(row.sessions.into()),
            both(row.create_micros, row.create_redis_micros),
            both(row.read_micros, row.read_redis_micros),
            both(row.change_micros, row.change_redis_micros),
            both(row.list_micros, row.list_redis_micros),
            both(row.sweep_micros, row.sweep_redis_micros),
            short(row.longest_pause_ms),
            format!("{:.0}", row.bytes),
            format!("{:.1}", row.start_ms),
        ]
    };
    report::table(&head, &rows.iter().map(cells).collect::<Vec<_>>());
    println!(
        "\nCPU of the thread that does it, and of the Redis server after the plus. Sessions with four small entries, of a user each, \
         used one at a time over the blocking interface, in no order. List: the three sessions of one more user. Start: opening the storage and reading one session. Bytes: of the heap, of \
         blocks on the disk, or of the Redis server's memory. The longest request does not count the time in which other programs \
         had the processor."
    );
}
