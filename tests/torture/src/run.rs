//! Torturing one target after the other.

use std::{
    io::IsTerminal as _,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    backend::Backend,
    browser,
    cli::Torture,
    client::{Answer, Outcome, Tab},
    crowd,
    faults::{self, Watch},
    fleet::Fleet,
    ledger::{Action, Ledger, Violation},
    report::{self, Row},
    rotation,
    target::{Sabotage, Target},
    world::World,
};

/// For how long sessions that have ended are looked at once more in the end.
const LAST_LOOKS: Duration = Duration::from_secs(10);

/// For how long it goes on after its time, as long as something is missing that was asked for.
const EXTRA_TIME: Duration = Duration::from_secs(60);

/// How many users have several devices.
const CROWDS: usize = 1;
/// How many browsers have ids that rotate.
const ROTATING: usize = 2;

/// Tortures what was asked for and prints the report. Gives back whether nothing was found, the peers aside.
pub(crate) fn run(settings: &Torture) -> Result<bool> {
    let seed = settings.seed.unwrap_or_else(|| fastrand::u64(..));
    let interrupted = listen_for_ctrl_c()?;
    eprintln!("seed {seed}");
    let mut rows = Vec::new();
    let outcome =
        settings.storages.iter().take_while(|_| !interrupted.load(Ordering::Relaxed)).try_for_each(|&target| {
            // Servers of tests say by panicking what is wrong with them.
            let row = catch_unwind(AssertUnwindSafe(|| torture(target, settings, seed, &interrupted)));
            let row = row.unwrap_or_else(|_| Err(anyhow!("see above")));
            rows.push(row.with_context(|| format!("torturing {target}"))?);
            anyhow::Ok(())
        });
    // Whatever broke off: what was found until then counts.
    report::print(&rows, settings, seed)?;
    outcome?;
    Ok(rows.iter().filter(|row| row.target.is_ours()).all(Row::is_sound))
}

/// Ctrl-C ends the torture early, with its report. Pressed again, it ends the program, and with it all that it has started.
fn listen_for_ctrl_c() -> Result<Arc<AtomicBool>> {
    const STATUS: i32 = 130; // as shells have it for an interrupt
    let interrupted = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&interrupted);
    let listen = move || {
        if seen.swap(true, Ordering::Relaxed) {
            std::process::exit(STATUS);
        }
        eprintln!("\nLooking at what is left; Ctrl-C again to leave at once.");
    };
    ctrlc::set_handler(listen).context("listening for Ctrl-C")?;
    Ok(interrupted)
}

fn torture(target: Target, settings: &Torture, seed: u64, interrupted: &Arc<AtomicBool>) -> Result<Row> {
    let mut random = fastrand::Rng::with_seed(seed ^ target as u64);
    let mut backend = Backend::start(target)?;
    let fleet = Fleet::start(target, backend.place(), settings.sabotage, seed)?;
    let mut watch = Watch::since(backend.latest_failover());
    let deadline = Instant::now() + settings.duration;
    let world = World {
        target,
        fleet,
        ledger: Ledger::in_search_of(&settings.until_found),
        tabs: settings.tabs,
        deadline,
        last_call: deadline + EXTRA_TIME,
        is_to_do_all: settings.until_all_done,
        interrupted: Arc::clone(interrupted),
        is_broken_off: false.into(),
        is_down: false.into(),
    };
    thread::scope(|scope| {
        let world = &world;
        for number in 0..settings.clients {
            let random = random.fork();
            scope.spawn(move || browser::browse(world, number, random));
        }
        let (ghosts, harm) = (random.fork(), random.fork());
        scope.spawn(move || faults::haunt(world, ghosts));
        if target.is_ours() {
            spawn_ours(scope, world, &mut random);
        }
        scope.spawn(move || show_progress(world, settings.duration));
        if settings.no_faults {
            faults::stand_by(world, &backend, &mut watch);
            return Ok(());
        }
        let second_hand = scope.spawn(|| faults::harm(world, &mut backend, &mut watch, harm));
        let outcome = second_hand.join().unwrap_or_else(|_| Err(anyhow!("the second hand failed: see above")));
        // Without it there is nothing to wait for.
        world.is_broken_off.store(outcome.is_err(), Ordering::Relaxed);
        outcome
    })?;
    close_the_books(&world, &backend, &mut watch, settings.sabotage, &mut random)?;
    Ok(Row { target, ledger: world.ledger, came_back: !world.is_down.into_inner() })
}

/// What only ours is asked for, beside the browsers.
fn spawn_ours<'s>(scope: &'s thread::Scope<'s, '_>, world: &'s World, random: &mut fastrand::Rng) {
    let mut forks = std::iter::repeat_with(|| random.fork());
    for (number, random) in forks.by_ref().take(CROWDS).enumerate() {
        scope.spawn(move || crowd::gather(world, number, random));
    }
    for (number, random) in forks.take(ROTATING).enumerate() {
        scope.spawn(move || rotation::rotate(world, number, random));
    }
}

/// A bar where somebody looks at it.
fn show_progress(world: &World, duration: Duration) {
    const TICK: Duration = Duration::from_millis(100);
    let length = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let bar = ProgressBar::new(length).with_prefix(world.target.to_string());
    if let Ok(style) = ProgressStyle::with_template("{prefix:24} {wide_bar} {eta} {msg}") {
        bar.set_style(style);
    }
    let begun = Instant::now();
    while !world.is_over() {
        thread::sleep(TICK);
        bar.set_position(u64::try_from(begun.elapsed().as_millis()).unwrap_or(length).min(length));
        bar.set_message(format!("{} logouts, {} findings", world.ledger.actions(Action::Logout), world.ledger.total()));
    }
    bar.finish_and_clear();
    if !std::io::stderr().is_terminal() {
        eprintln!(
            "{}: {} logouts, {} findings",
            world.target,
            world.ledger.actions(Action::Logout),
            world.ledger.total()
        );
    }
}

/// What can be looked at only when everything is over.
fn close_the_books(
    world: &World,
    backend: &Backend,
    watch: &mut Watch,
    sabotage: Option<Sabotage>,
    random: &mut fastrand::Rng,
) -> Result<()> {
    let (ledger, mut tab, now) = (&world.ledger, Tab::default(), Instant::now());
    for dead in ledger.all_dead(random).iter().take_while(|_| now.elapsed() < LAST_LOOKS) {
        faults::look(world, &mut tab, dead);
    }
    watch.look(ledger, backend);
    if sabotage == Some(Sabotage::NoExpiry) {
        backend.forget_an_expiry();
    }
    let endless = backend.keys_without_expiry();
    if endless > 0 {
        ledger.accuse(Violation::EndlessKey, endless, || format!("{endless} keys never expire"));
    }
    if world.target.is_ours() {
        let end = || match world.ask(&mut tab, "/end", None) {
            Outcome::Answered(Answer { status: 200, body, .. }) => body.parse::<u64>().ok(),
            _ => None,
        };
        let kept = world.patiently(end).context("the service does not say what is left")?;
        let left = kept + backend.size()?;
        if left > 0 {
            ledger.accuse(Violation::Growth, left, || format!("{left} sessions are left when all have ended"));
        }
    }
    Ok(())
}
