//! The list of a user's devices, while they are used and when they are not.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde::Deserialize;

use super::{Crowd, Device, Fate};
use crate::{
    episode::SETTLES,
    ledger::{Action, Violation},
    world::World,
};

/// A session, as the list shows it.
#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    label: String,
    pub(super) key: String,
    is_current: bool,
}

impl Device<'_> {
    /// Asks for the list.
    pub(super) fn list(&mut self, world: &World) -> Option<Vec<Listed>> {
        world.ledger.note(Action::List);
        serde_json::from_str(&self.insist(world, "/devices")?).ok()
    }

    /// When its login was acknowledged, if it is logged in.
    pub(super) const fn acknowledged(&self) -> Option<Instant> {
        if let Fate::LoggedIn(since) = self.fate { Some(since) } else { None }
    }

    /// How often a list has it.
    fn count_in(&self, list: &[Listed]) -> usize {
        list.iter().filter(|listed| listed.label == self.name).count()
    }

    pub(super) fn find_in<'l>(&self, list: &'l [Listed]) -> Option<&'l Listed> {
        list.iter().find(|listed| listed.label == self.name)
    }
}

impl Crowd<'_> {
    /// All devices are used, and take new ids, while one of them asks for the list again and again.
    pub(super) fn use_devices(&mut self, random: &mut fastrand::Rng) {
        let (world, has_unknown, actions) = (self.world, self.unknown() > 0, random.usize(2..8));
        // Somebody whose login is still on its way may yet end the oldest.
        if has_unknown {
            self.logged_in().for_each(|device| device.episode.may_end());
        }
        let asking = random.usize(..self.logged_in().count());
        let lists = thread::scope(|scope| {
            let mut lists = None;
            for (number, device) in self.logged_in().enumerate() {
                let mut random = random.fork();
                if number == asking {
                    lists =
                        Some(scope.spawn(move || (0..actions).filter_map(|_| device.list(world)).collect::<Vec<_>>()));
                } else {
                    scope.spawn(move || {
                        (0..actions).for_each(|action| device.act(&format!("k{action}"), &mut random));
                    });
                }
            }
            lists.and_then(|lists| lists.join().ok()).unwrap_or_default()
        });
        if has_unknown || self.is_moot() {
            return;
        }
        for list in lists {
            self.check_missing(&list);
        }
    }

    /// Whether a list has all that are logged in.
    fn check_missing(&mut self, list: &[Listed]) {
        let (world, user) = (self.world, self.user.clone());
        for device in self.logged_in().filter(|device| device.count_in(list) == 0) {
            let words = || format!("{} of {user} is logged in and not in the list", device.name);
            let acknowledged = [device.episode.settled_between(), vec![Instant::now()]].concat();
            world.ledger.suspect_some(Violation::Devices, 1, acknowledged, words);
        }
    }

    /// Reads all sessions when nothing is under way, and looks at the list.
    pub(super) fn review(&mut self, random: &mut fastrand::Rng) -> Option<()> {
        for device in self.logged_in() {
            if !device.episode.review(&mut device.tab) {
                // A new id may have got lost.
                device.fate = Fate::Unknown;
            }
        }
        self.check_list(random)
    }

    /// Whether the list has those that are logged in, under the keys of their ids, and no others.
    pub(super) fn check_list(&mut self, random: &mut fastrand::Rng) -> Option<()> {
        let (world, begun) = (self.world, Instant::now());
        let living = self.logged_in().count();
        if living == 0 {
            return None;
        }
        let asking = random.usize(..living);
        let mut keys = Vec::new();
        for device in self.logged_in() {
            keys.push((device.name.clone(), device.insist(world, "/devices/key")?));
        }
        loop {
            let list = self.logged_in().nth(asking)?.list(world)?;
            if self.is_moot() {
                return None;
            }
            if self.unknown() == 0 {
                self.check_missing(&list);
            }
            let Some(wrong) = self.wrong_in(&list, &keys, asking) else { return Some(()) };
            if begun.elapsed() > SETTLES {
                let acknowledged = self.settled_between().into_iter().chain([begun]).collect();
                let words = || format!("{wrong} in the list of {}: {list:?}", self.user);
                world.ledger.suspect_some(Violation::Devices, 1, acknowledged, words);
                return None;
            }
            // Nobody sees all of a storage at one moment.
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What a list has and should not have.
    fn wrong_in(&mut self, list: &[Listed], keys: &[(String, String)], asking: usize) -> Option<String> {
        if self.may_have_orphans() {
            return None;
        }
        for device in &self.devices {
            let (count, allowed) =
                (device.count_in(list), usize::from(!matches!(device.fate, Fate::Out | Fate::Ended(_))));
            if count > allowed {
                return Some(format!("{} is {count} times", device.name));
            }
        }
        for listed in list {
            let is_other = |(name, key): &(String, String)| *name == listed.label && *key != listed.key;
            if keys.iter().any(is_other) {
                return Some(format!("{} is under another key", listed.label));
            }
            let is_asking = keys.get(asking).is_some_and(|(name, _)| *name == listed.label);
            if listed.is_current != is_asking {
                return Some(format!("{} is taken for another device", listed.label));
            }
        }
        let strangers = list.iter().filter(|listed| self.devices.iter().all(|device| device.name != listed.label));
        strangers.map(|listed| format!("{} is nobody's", listed.label)).next()
    }
}
