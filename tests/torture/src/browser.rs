//! What a browser does: log in, use several tabs at once, log out while they are still busy.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use crate::{
    client::{Answer, Outcome, Tab},
    episode::Episode,
    ledger::{Charge, Dead, Deed},
    run::World,
};

/// Logs in and out until the time is over.
pub(crate) fn browse(world: &World, number: usize, mut random: fastrand::Rng) {
    let mut tabs: Vec<Tab> = (0..world.tabs).map(|_| Tab::default()).collect();
    for round in 0_u64.. {
        if world.is_over() {
            return;
        }
        let episode = Episode::new(world, format!("user-{number}-{round}"));
        if log_in(world, &episode, &mut tabs[0]) {
            use_tabs(world, &episode, &mut tabs, &mut random);
            if episode.review(&mut tabs[0]) {
                log_out(world, &episode, &mut tabs, &mut random);
            }
        } else {
            // Whatever is broken may need a moment.
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn log_in(world: &World, episode: &Episode<'_>, tab: &mut Tab) -> bool {
    world.ledger.note(Deed::Login);
    let answer = episode.get(tab, &format!("/login?user={}", episode.user));
    matches!(answer, Outcome::Answered(Answer { status: 200, .. })) && episode.has_cookie()
}

/// All tabs at once, each at something else.
fn use_tabs(world: &World, episode: &Episode<'_>, tabs: &mut [Tab], random: &mut fastrand::Rng) {
    // In half of the sessions nothing may make an id old, so that every "nobody" is wrong.
    let renews = random.bool();
    let deeds = random.usize(3..12);
    thread::scope(|scope| {
        for (number, tab) in tabs.iter_mut().enumerate() {
            let mut random = random.fork();
            scope.spawn(move || {
                for deed in 0..deeds {
                    if world.is_over() {
                        return;
                    }
                    act(episode, tab, &format!("k{number}x{deed}"), renews, &mut random);
                }
            });
        }
    });
}

fn act(episode: &Episode<'_>, tab: &mut Tab, key: &str, renews: bool, random: &mut fastrand::Rng) {
    let slow = if random.u8(..4) == 0 { random.u64(1..25) } else { 0 };
    match random.u8(..100) {
        0..38 => episode.write(tab, key, slow),
        38..60 => episode.add(tab, slow),
        60..78 => episode.glance(tab),
        78..84 => episode.fail(tab, "fail", key),
        84..88 => episode.fail(tab, "panic", key),
        88..94 => episode.hang_up(tab, key, slow),
        _ if renews => episode.renew(tab, slow),
        _ => episode.glance(tab),
    }
}

/// Logs out in one tab while the others have slow requests under way.
fn log_out(world: &World, episode: &Episode<'_>, tabs: &mut [Tab], random: &mut fastrand::Rng) {
    let ready = Barrier::new(tabs.len());
    let fails = random.u8(..4) == 0;
    let pause = Duration::from_millis(random.u64(..15));
    let ended = thread::scope(|scope| {
        let mut tabs = tabs.iter_mut();
        let logout = tabs.next();
        for (number, tab) in tabs.enumerate() {
            let (mut random, ready) = (random.fork(), &ready);
            scope.spawn(move || {
                ready.wait();
                straddle(episode, tab, &format!("late{number}"), &mut random);
            });
        }
        ready.wait();
        thread::sleep(pause);
        logout.and_then(|tab| end(world, episode, tab, fails))
    });
    let Some(since) = ended else { return };
    let ids = episode.ids();
    for id in &ids {
        if world.opens(&mut tabs[0], id).is_some() {
            let words = || format!("the session of {} opens after its logout", episode.user);
            return world.ledger.suspect(Charge::DeadAlive, 1, since, words);
        }
    }
    // It has to stay so; two ids are looked at again and again.
    for cookie in ids.into_iter().rev().take(2) {
        world.ledger.bury(Dead { user: episode.user.clone(), cookie, since }, random);
    }
}

/// A request that is under way when the session ends.
fn straddle(episode: &Episode<'_>, tab: &mut Tab, key: &str, random: &mut fastrand::Rng) {
    let slow = random.u64(1..40);
    match random.u8(..10) {
        // Whatever it is told, it is right: the session may have ended.
        0..2 => drop(episode.get(tab, &format!("/renew?slow={slow}"))),
        2..5 => drop(episode.get(tab, &format!("/add?slow={slow}"))),
        5..6 => drop(episode.get(tab, "/read")),
        _ => drop(episode.get(tab, &format!("/set?key={key}&value=late&slow={slow}"))),
    }
}

/// Ends the session, however often that takes. Gives back when it was acknowledged.
fn end(world: &World, episode: &Episode<'_>, tab: &mut Tab, fails: bool) -> Option<Instant> {
    world.ledger.note(Deed::Logout);
    // A peer has not promised that a failing logout ends anything.
    let fails = fails && world.target.is_ours();
    let (path, done) = if fails { ("/logout?fail=1", 500) } else { ("/logout", 200) };
    let cookie = episode.last_id()?;
    world.patiently(|| match world.get(tab, path, Some(&cookie)) {
        Outcome::Answered(Answer { status, .. }) if status == done => Some(Instant::now()),
        _ => None,
    })
}
