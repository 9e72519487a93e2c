//! Logins, and how many sessions of a user there are afterwards.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use super::{Crowd, Device, Fate};
use crate::{episode::SETTLES, ledger::Violation, scope::MOST_SESSIONS};

impl Crowd<'_> {
    /// Logs in on new devices, all at the same moment.
    pub(super) fn log_in_at_once(&mut self, count: usize, random: &mut fastrand::Rng) {
        let before = self.devices.len();
        self.devices.extend((before..before + count).map(|number| Device::new(self.world, &self.user, number)));
        let ready = Barrier::new(count);
        thread::scope(|scope| {
            for device in &mut self.devices[before..] {
                let (mut random, ready) = (random.fork(), &ready);
                scope.spawn(move || {
                    ready.wait();
                    device.log_in(&mut random)
                });
            }
        });
    }

    /// Logs in on new devices, one after the other. Each login is newer than all before, so none is refused, and the last one lives.
    pub(super) fn log_in_one_by_one(&mut self, count: usize, random: &mut fastrand::Rng) {
        for _ in 0..count {
            let mut device = Device::new(self.world, &self.user, self.devices.len());
            let is_refused = device.log_in(random);
            if is_refused && self.unknown() == 0 && !self.is_moot() {
                let words = || format!("the latest login of {} was refused", self.user);
                self.world.ledger.suspect_some(Violation::Devices, 1, device.episode.settled_between(), words);
            }
            if matches!(device.fate, Fate::LoggedIn(_)) && self.unknown() == 0 {
                self.check_newest(&mut device);
            }
            self.devices.push(device);
        }
    }

    /// Whether a device is logged in that has just been told so.
    fn check_newest(&self, device: &mut Device<'_>) {
        let Fate::LoggedIn(since) = device.fate else { return };
        if !device.opens(self.world) && !self.is_moot() {
            let words = || format!("the latest login of {} was acknowledged, and opens nothing", self.user);
            self.world.ledger.suspect(Violation::Devices, 1, since, words);
        }
    }

    /// How many sessions live when all logins have been answered: as many as are allowed, and not fewer. `None` if nobody is logged
    /// in.
    pub(super) fn settle(&mut self, random: &mut fastrand::Rng) -> Option<()> {
        let (logins, acknowledged) = (self.logged_in().count(), self.settled_between());
        self.check_count(&acknowledged)?;
        let world = self.world;
        for device in self.logged_in() {
            if !device.opens(world) {
                device.fate = Fate::Ended(Instant::now());
                device.episode.may_end();
            }
        }
        if self.is_moot() {
            return None;
        }
        let (living, at_most) = (self.logged_in().count(), logins.min(MOST_SESSIONS));
        let at_least = at_most.saturating_sub(self.unknown());
        if living < at_least {
            let words = || format!("{living} of {} logins of {} live, and {at_least} should", logins, self.user);
            world.ledger.suspect_some(Violation::Devices, (at_least - living) as u64, acknowledged.clone(), words);
        }
        if living > MOST_SESSIONS && !self.may_have_orphans() {
            let words = || format!("{} is logged in on {living} devices", self.user);
            world.ledger.suspect_some(Violation::Devices, (living - MOST_SESSIONS) as u64, acknowledged, words);
        }
        for device in &self.devices {
            self.bury(device, random);
        }
        (living > 0).then_some(())
    }

    /// Whether no more sessions live than there may be. A login that was broken off may not have looked at the limit.
    fn check_count(&mut self, acknowledged: &[Instant]) -> Option<()> {
        let begun = Instant::now();
        loop {
            let allowed = (MOST_SESSIONS + self.unknown()) as u64;
            let living = self.world.living(&mut self.tab, &self.user)?;
            if living <= allowed || self.may_have_orphans() {
                return Some(());
            }
            if self.is_moot() {
                return None;
            }
            if begun.elapsed() > SETTLES {
                let words = || format!("{} has {living} sessions, and {allowed} are allowed", self.user);
                self.world.ledger.suspect_some(Violation::Devices, living - allowed, acknowledged.to_vec(), words);
                return Some(());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}
