//! How a browser logs out, and what may live afterwards: nothing.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use crate::{
    client::{Answer, HangUp, Outcome, Tab},
    episode::Episode,
    ledger::{Action, Dead, Violation},
    scope::Scope,
    target::Target,
    world::World,
};

/// What is done in the background is done by then, unless something is in its way.
const AT_ONCE: Duration = Duration::from_millis(300);
/// And by then in any case.
const IN_THE_END: Duration = Duration::from_secs(5);

/// Logs out in one tab while the others have slow requests under way.
pub(crate) fn log_out(world: &World, episode: &Episode<'_>, tabs: &mut [Tab], random: &mut fastrand::Rng) {
    let ready = Barrier::new(tabs.len());
    let how = Logout::any(world.target, random);
    let pause = Duration::from_millis(random.u64(..15));
    let ended = thread::scope(|scope| {
        let mut tabs = tabs.iter_mut();
        let logout = tabs.next();
        for (number, tab) in tabs.enumerate() {
            let (mut random, ready) = (random.fork(), &ready);
            scope.spawn(move || {
                ready.wait();
                straddle(episode, tab, how, &format!("late{number}"), &mut random);
            });
        }
        ready.wait();
        thread::sleep(pause);
        logout.and_then(|tab| end(world, episode, tab, how))
    });
    let Some(Ended { mut since, later }) = ended else { return };
    match later.map(|asked| goes(world, episode, &mut tabs[0], asked)) {
        None | Some(Some(true)) => {}
        Some(Some(false)) => {
            let words = || format!("the session of {} lives, which was ended after a response", episode.user);
            let acknowledged = [episode.settled_between(), vec![since]].concat();
            return world.ledger.suspect_some(Violation::DeadAlive, 1, acknowledged, words);
        }
        Some(None) => match end(world, episode, &mut tabs[0], Logout::Plain) {
            Some(again) => since = again.since,
            None => return,
        },
    }
    let ids = episode.ids();
    for id in &ids {
        if world.opens(&mut tabs[0], Scope::Main, id).is_some() {
            let words = || format!("the session of {} opens after its logout", episode.user);
            // A failover may also have lost that it is the user's.
            let acknowledged = [episode.settled_between(), vec![since]].concat();
            return world.ledger.suspect_some(Violation::DeadAlive, 1, acknowledged, words);
        }
    }
    if !episode.has_lingering_login()
        && let Some(living) = episode.living_beyond(&mut tabs[0], 0)
    {
        let words = || format!("{living} sessions of {} live after the logout", episode.user);
        let acknowledged = [episode.settled_between(), vec![since]].concat();
        return world.ledger.suspect_some(Violation::DeadAlive, living, acknowledged, words);
    }
    // It has to stay so; two ids are looked at again and again.
    for cookie in ids.into_iter().rev().take(2) {
        world.ledger.bury(Dead { user: episode.user.clone(), scope: Scope::Main, cookie, since }, random);
    }
}

/// A request that is under way when the session ends.
fn straddle(episode: &Episode<'_>, tab: &mut Tab, how: Logout, key: &str, random: &mut fastrand::Rng) {
    let slow = random.u64(1..40);
    match random.u8(..10) {
        // An expulsion has to find out where the session is.
        2.. if matches!(how, Logout::Expelled) => drop(episode.ask(tab, &format!("/renew?slow={slow}"))),
        // Whatever it is told, it is right: the session may have ended.
        0 => drop(episode.ask(tab, &format!("/renew?slow={slow}"))),
        1 => episode.renew_and_hang_up(tab, slow, HangUp::any(random)),
        2..5 => drop(episode.ask(tab, &format!("/add?slow={slow}"))),
        5..6 => drop(episode.ask(tab, "/read")),
        _ => drop(episode.ask(tab, &format!("/set?key={key}&value=late&slow={slow}"))),
    }
}

/// How a session is ended.
#[derive(Debug, Clone, Copy)]
enum Logout {
    Plain,
    /// By a page that fails afterwards.
    Failing,
    /// By somebody who ends every session of the user.
    Expelled,
    /// By a middleware, when the response to this page is there.
    After(&'static str),
}

impl Logout {
    fn any(target: Target, random: &mut fastrand::Rng) -> Self {
        match random.u8(..10) {
            // A peer has promised neither that a failing logout ends anything, nor a late one.
            _ if !target.is_ours() => Self::Plain,
            0..2 => Self::Failing,
            2 => Self::After("/plain"),
            3 => Self::After("/whoami"),
            4..7 => Self::Expelled,
            _ => Self::Plain,
        }
    }
}

/// A logout that was answered.
#[derive(Debug, Clone, Copy)]
struct Ended {
    since: Instant,
    /// When it was asked for, if it is to be done later.
    later: Option<Instant>,
}

/// Ends the session, however often that takes.
fn end(world: &World, episode: &Episode<'_>, tab: &mut Tab, how: Logout) -> Option<Ended> {
    world.ledger.note(Action::Logout);
    let (page, done) = match how {
        Logout::Plain => ("/logout".to_owned(), 200),
        Logout::Failing => ("/logout?fail=1".to_owned(), 500),
        Logout::Expelled => {
            world.ledger.note(Action::Expulsion);
            (format!("/expel?user={}", episode.user), 200)
        }
        Logout::After(page) => {
            world.ledger.note(Action::LateUse);
            (format!("{page}?after=destroy"), 200)
        }
    };
    let cookies = match how {
        Logout::Expelled => None,
        _ => Some(episode.last_cookies()?),
    };
    world.patiently(|| {
        let asked = Instant::now();
        let is_late = matches!(how, Logout::After(_));
        match world.ask(tab, &page, cookies.as_deref()) {
            // Who is not logged in any more is logged out as well.
            Outcome::Answered(Answer { status, .. }) if status == done || is_late && status == 401 => {
                Some(Ended { since: Instant::now(), later: is_late.then_some(asked) })
            }
            _ => None,
        }
    })
}

/// Whether a session goes that is ended in the background; `None` if something that the second hand has done may have hit that.
fn goes(world: &World, episode: &Episode<'_>, tab: &mut Tab, asked: Instant) -> Option<bool> {
    let mut is_gone = |patience| {
        let begun = Instant::now();
        loop {
            // It may also live under an id that no answer has brought.
            let lives = episode.ids().iter().any(|id| world.opens(tab, Scope::Main, id).is_some())
                || !episode.has_lingering_login() && episode.living(tab).is_some_and(|living| living > 0);
            if !lives {
                return true;
            }
            if begun.elapsed() > patience {
                return false;
            }
            thread::sleep(Duration::from_millis(10));
        }
    };
    if is_gone(AT_ONCE) {
        return Some(true);
    }
    world.ledger.is_calm_since(asked).then(|| is_gone(IN_THE_END))
}
