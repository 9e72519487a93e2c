//! What a browser does: log in, use several tabs at once, log out while they are still busy.

use std::{thread, time::Duration};

use crate::{
    client::{HangUp, Tab},
    episode::{Episode, Write},
    logout,
    target::Target,
    world::World,
};

/// Logs in and out until the time is over.
pub(crate) fn browse(world: &World, number: usize, mut random: fastrand::Rng) {
    let mut tabs: Vec<Tab> = (0..world.tabs).map(|_| Tab::default()).collect();
    for round in 0_u64.. {
        if world.is_over() {
            return;
        }
        let user = format!("user-{number}-{round}");
        let episode = Episode::new(world, user, &mut tabs[0], &mut random);
        if episode.log_in(&mut tabs[0], &mut random) {
            use_tabs(world, &episode, &mut tabs, &mut random);
            if episode.review(&mut tabs[0]) && stays(world, &episode, &mut tabs[0], &mut random) {
                logout::log_out(world, &episode, &mut tabs, &mut random);
            }
        } else {
            // Whatever is broken may need a moment.
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Now and then logs in once more, as who is logged in already. Gives back whether the session goes on. A peer has not promised that
/// it does when an answer got lost.
fn stays(world: &World, episode: &Episode<'_>, tab: &mut Tab, random: &mut fastrand::Rng) -> bool {
    if !world.target.is_ours() || random.u8(..3) > 0 {
        return true;
    }
    episode.log_in_again(tab, random) && episode.review(tab)
}

/// All tabs at once, each at something else.
fn use_tabs(world: &World, episode: &Episode<'_>, tabs: &mut [Tab], random: &mut fastrand::Rng) {
    // In half of the sessions nothing may make an id old, so that every "nobody" is wrong.
    let renews = random.bool();
    let actions = random.usize(3..12);
    thread::scope(|scope| {
        for (number, tab) in tabs.iter_mut().enumerate() {
            let mut random = random.fork();
            scope.spawn(move || {
                for action in 0..actions {
                    if world.is_over() {
                        return;
                    }
                    act(world.target, episode, tab, &format!("k{number}x{action}"), renews, &mut random);
                }
            });
        }
    });
}

fn act(target: Target, episode: &Episode<'_>, tab: &mut Tab, key: &str, renews: bool, random: &mut fastrand::Rng) {
    let slow = if random.u8(..4) == 0 { random.u64(1..25) } else { 0 };
    let page = ["plain", "whoami", "read"][random.usize(..3)];
    match random.u8(..100) {
        0..38 => episode.write(tab, Write::any(target, random), key, slow),
        38..60 => episode.add(tab, slow),
        60..74 => episode.glance(tab),
        // No peer says what becomes of that.
        74..78 if target.is_ours() => episode.write_late(tab, page, key),
        78..84 => episode.fail(tab, "fail", key),
        84..88 => episode.fail(tab, "panic", key),
        88..94 => episode.hang_up(tab, key, slow, HangUp::any(random)),
        _ if renews => episode.renew(tab, slow),
        _ => episode.glance(tab),
    }
}
