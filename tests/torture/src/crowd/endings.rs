//! Ending devices from another one: one of them, all others, and all.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use super::{Crowd, Device, Fate};
use crate::{
    episode::SETTLES,
    ledger::{Action, Violation},
    world::World,
};

impl<'a> Crowd<'a> {
    /// Ends one device from another one, by its key in the list.
    pub(super) fn end_one(&mut self, random: &mut fastrand::Rng) -> Option<()> {
        let mut devices = self.take_logged_in();
        random.shuffle(&mut devices);
        let (Some(mut own), Some(ended)) = (devices.pop(), devices.pop()) else { return None };
        let list = own.list(self.world)?;
        // If it is not there, that was found.
        let page = format!("/devices/end?key={}", ended.find_in(&list)?.key);
        let mut ended = vec![ended];
        let since = end(self.world, &mut own, Action::DeviceEnd, &page, &mut ended, &mut [], random)?;
        self.devices.extend(devices);
        self.devices.push(own);
        self.must_be_gone(ended, since, random)
    }

    /// Ends all devices but one.
    pub(super) fn end_others(&mut self, random: &mut fastrand::Rng) -> Option<()> {
        let mut ended = self.take_logged_in();
        random.shuffle(&mut ended);
        let mut own = ended.pop()?;
        let since = end(self.world, &mut own, Action::DeviceEnd, "/devices/others", &mut ended, &mut [], random)?;
        self.devices.push(own);
        self.must_be_gone(ended, since, random)
    }

    /// Ends all devices from the latest one, which no overlapping login ends before, while new ones log in.
    pub(super) fn end_everywhere(&mut self, random: &mut fastrand::Rng) -> Option<()> {
        let mut ended = self.take_logged_in();
        let mut own = ended.pop()?;
        own.episode.may_end();
        let names = self.devices.len() + ended.len() + 1;
        let mut new: Vec<_> =
            (0..random.usize(1..3)).map(|number| Device::new(self.world, &self.user, names + number)).collect();
        let since = end(self.world, &mut own, Action::Everywhere, "/devices/everywhere", &mut ended, &mut new, random)?;
        ended.push(own);
        self.devices.extend(new);
        self.must_be_gone(ended, since, random)?;
        self.check_left(since)
    }

    /// Takes out those that are logged in, the latest login last.
    fn take_logged_in(&mut self) -> Vec<Device<'a>> {
        let (mut logged_in, others): (Vec<_>, Vec<_>) =
            self.devices.drain(..).partition(|device| device.acknowledged().is_some());
        self.devices = others;
        logged_in.sort_by_key(Device::acknowledged);
        logged_in
    }

    /// No id of these opens anything any more, for ever.
    fn must_be_gone(&mut self, ended: Vec<Device<'a>>, since: Instant, random: &mut fastrand::Rng) -> Option<()> {
        for mut device in ended {
            if device.opens(self.world) {
                let words = || format!("{} of {} lives after it was ended from another one", device.name, self.user);
                let acknowledged = [device.episode.settled_between(), vec![since]].concat();
                self.world.ledger.suspect_some(Violation::DeadAlive, 1, acknowledged, words);
                return None;
            }
            device.fate = Fate::Ended(since);
            self.bury(&device, random);
            self.devices.push(device);
        }
        Some(())
    }

    /// Whether no more sessions live after a logout everywhere than were begun meanwhile.
    fn check_left(&mut self, since: Instant) -> Option<()> {
        let allowed = (self.logged_in().count() + self.unknown()) as u64;
        let begun = Instant::now();
        loop {
            let living = self.world.living(&mut self.tab, &self.user)?;
            if living <= allowed || self.may_have_orphans() {
                return Some(());
            }
            if begun.elapsed() > SETTLES {
                let words = || format!("{living} sessions of {} live after a logout everywhere", self.user);
                let acknowledged = self.settled_between().into_iter().chain([since]).collect();
                self.world.ledger.suspect_some(Violation::DeadAlive, living - allowed, acknowledged, words);
                return None;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Asks for a page on one device that ends others while those are used and new ones log in. Gives back when it was answered; `None` if
/// it was refused.
fn end(
    world: &World,
    own: &mut Device<'_>,
    action: Action,
    page: &str,
    ended: &mut [Device<'_>],
    new: &mut [Device<'_>],
    random: &mut fastrand::Rng,
) -> Option<Instant> {
    world.ledger.note(action);
    let ready = Barrier::new(1 + ended.len() + new.len());
    let pause = Duration::from_millis(random.u64(..15));
    thread::scope(|scope| {
        let ready = &ready;
        for device in ended {
            let mut random = random.fork();
            device.episode.may_end();
            scope.spawn(move || {
                ready.wait();
                device.straddle(&mut random);
            });
        }
        for device in new {
            let mut random = random.fork();
            scope.spawn(move || {
                ready.wait();
                device.log_in(&mut random)
            });
        }
        ready.wait();
        thread::sleep(pause);
        // Not when the others have come to their end: a failover may lose what was acknowledged before it.
        own.insist(world, page).map(|_| Instant::now())
    })
}
