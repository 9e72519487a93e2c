//! A browser whose ids rotate: its tabs share one session for long, and in the end somebody comes with an old id of it.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use crate::{
    client::{Answer, HangUp, Outcome, Tab},
    episode::{Episode, Outlived, Write},
    ledger::{Action, Dead, Violation},
    scope::{Rotation, Scope},
    world::World,
};

/// Uses one session after the other until the time is over.
pub(crate) fn rotate(world: &World, number: usize, mut random: fastrand::Rng) {
    let mut tabs: Vec<Tab> = (0..world.tabs).map(|_| Tab::default()).collect();
    for round in 0_u64.. {
        if world.is_over() {
            return;
        }
        let episode = Episode::in_scope(world, Scope::Rotating, format!("rotating-{number}-{round}"));
        let outcome = episode.log_in_once(&mut tabs[0], "", 0);
        if matches!(outcome, Outcome::Answered(Answer { status: 200, .. })) && episode.has_cookie() {
            live(world, &episode, &mut tabs, &mut random);
        } else {
            // Whatever is broken may need a moment.
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Uses a session until it is stolen, or the time is over.
fn live(world: &World, episode: &Episode<'_>, tabs: &mut [Tab], random: &mut fastrand::Rng) {
    let every = Rotation::of(world.target).every;
    // In half of the sessions every answer is waited for, so that no "nobody" can come of a request that was left behind.
    let hangs_up = random.bool();
    for batch in 0_u64.. {
        // Now and then the next rotation is due, and all tabs begin at once.
        thread::sleep(every.mul_f64(random.f64() * 1.2));
        use_tabs(world, episode, tabs, batch, hangs_up, random);
        if !goes_on(world, episode, &mut tabs[0]) {
            return;
        }
        let is_over = world.is_over();
        if let Some(stolen) = episode.outlived()
            && (is_over || random.bool())
        {
            return steal(world, episode, tabs, &stolen, random);
        }
        if is_over {
            return;
        }
    }
}

fn use_tabs(
    world: &World,
    episode: &Episode<'_>,
    tabs: &mut [Tab],
    batch: u64,
    hangs_up: bool,
    random: &mut fastrand::Rng,
) {
    let (ready, actions) = (Barrier::new(tabs.len()), random.usize(1..6));
    thread::scope(|scope| {
        for (number, tab) in tabs.iter_mut().enumerate() {
            let (mut random, ready) = (random.fork(), &ready);
            scope.spawn(move || {
                ready.wait();
                for action in 0..actions {
                    act(world, episode, tab, &format!("b{batch}k{number}x{action}"), hangs_up, &mut random);
                }
            });
        }
    });
}

fn act(world: &World, episode: &Episode<'_>, tab: &mut Tab, key: &str, hangs_up: bool, random: &mut fastrand::Rng) {
    let slow = if random.u8(..4) == 0 { random.u64(1..25) } else { 0 };
    match random.u8(..100) {
        0..30 => episode.write(tab, Write::any(world.target, random), key, slow),
        30..55 => episode.add(tab, slow),
        55..75 => episode.glance(tab),
        75..80 => episode.fail(tab, "fail", key),
        80..82 => episode.fail(tab, "panic", key),
        // A memory storage never waits, so that nothing could break it off.
        82..91 if hangs_up && !world.sessions_die_with_a_process() => {
            episode.hang_up(tab, key, slow, HangUp::any(random))
        }
        _ => episode.lose_answer(tab, key, slow),
    }
}

/// Whether the session is there, once, with all that it holds, while nothing else is under way.
fn goes_on(world: &World, episode: &Episode<'_>, tab: &mut Tab) -> bool {
    match world.patiently(|| episode.read(tab)) {
        Some(true) => {}
        Some(false) => {
            episode.told_nobody("a read", 401);
            return false;
        }
        None => return false,
    }
    if let Some(living) = episode.living_beyond(tab, 1) {
        let words = || format!("{living} sessions of {} live, which has rotated its ids", episode.user);
        world.ledger.suspect_some(Violation::Successors, living - 1, episode.settled_between(), words);
    }
    true
}

/// Somebody uses an old id while the tabs are busy: it opens nothing, and the session ends for everybody.
fn steal(world: &World, episode: &Episode<'_>, tabs: &mut [Tab], stolen: &Outlived, random: &mut fastrand::Rng) {
    world.ledger.note(Action::Theft);
    episode.may_end();
    let begun = Instant::now();
    let (opened, mut since) = use_stolen(world, episode, tabs, stolen, random);
    if opened {
        let words = || format!("an old id of {} opens its session", episode.user);
        let acknowledged = [episode.settled_between(), vec![stolen.since]].concat();
        return world.ledger.suspect_some(Violation::DeadAlive, 1, acknowledged, words);
    }
    // If the ids rotate once more while a request is under way, nobody can tell whether its own was good when it began.
    let may_go_unnoticed = episode.settled() > begun || since - begun > Rotation::of(world.target).grace / 2;
    if may_go_unnoticed && lives(world, episode, &mut tabs[0]) {
        let _ = world.opens(&mut tabs[0], Scope::Rotating, &stolen.cookie);
        since = Instant::now();
    }
    if lives(world, episode, &mut tabs[0]) {
        let words = || format!("the session of {} lives, although an old id was used again", episode.user);
        let acknowledged = [episode.settled_between(), vec![since]].concat();
        return world.ledger.suspect_some(Violation::DeadAlive, 1, acknowledged, words);
    }
    for cookie in episode.ids().into_iter().rev().take(2) {
        world.ledger.bury(Dead { user: episode.user.clone(), scope: Scope::Rotating, cookie, since }, random);
    }
}

/// Whether an old id opens anything, and when that was answered.
fn use_stolen(
    world: &World,
    episode: &Episode<'_>,
    tabs: &mut [Tab],
    stolen: &Outlived,
    random: &mut fastrand::Rng,
) -> (bool, Instant) {
    let ready = Barrier::new(tabs.len());
    thread::scope(|scope| {
        let mut tabs = tabs.iter_mut();
        let thief = tabs.next();
        for tab in tabs {
            let (slow, what, ready) = (random.u64(1..40), random.usize(..3), &ready);
            let page = ["/add?", "/whoami?", "/set?key=late&value=late&"][what];
            scope.spawn(move || {
                ready.wait();
                // Whatever it is told, it is right.
                episode.ask(tab, &format!("{page}slow={slow}"));
            });
        }
        ready.wait();
        let opened = thief.and_then(|tab| world.opens(tab, Scope::Rotating, &stolen.cookie));
        (opened.is_some(), Instant::now())
    })
}

/// Whether the latest id opens the session, or it lives under any other. An older one would end it.
fn lives(world: &World, episode: &Episode<'_>, tab: &mut Tab) -> bool {
    let latest = episode.last_cookies();
    latest.is_some_and(|latest| world.opens(tab, Scope::Rotating, &latest).is_some())
        || episode.living_beyond(tab, 0).is_some()
}
