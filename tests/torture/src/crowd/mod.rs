//! A user with several devices, who logs in on more of them than are allowed, looks at the list of them, and ends them.

mod device;
mod endings;
mod limit;
mod listing;

use std::{
    thread,
    time::{Duration, Instant},
};

use self::device::{Device, Fate};
use crate::{client::Tab, ledger::Dead, scope::Scope, target::Keeps, world::World};

/// One user after the other until the time is over.
pub(crate) fn gather(world: &World, number: usize, mut random: fastrand::Rng) {
    for round in 0_u64.. {
        if world.is_over() {
            return;
        }
        let mut crowd = Crowd::new(world, format!("crowd-{number}-{round}"));
        if crowd.live(&mut random).is_none() {
            // Whatever is broken may need a moment.
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A user and their devices.
struct Crowd<'a> {
    world: &'a World,
    user: String,
    epoch: u64,
    devices: Vec<Device<'a>>,
    /// For what is asked for on no device.
    tab: Tab,
}

impl<'a> Crowd<'a> {
    fn new(world: &'a World, user: String) -> Self {
        let epoch = world.fleet.epoch();
        Self { world, user, epoch, devices: Vec::new(), tab: Tab::default() }
    }

    /// From the first login to the end of all sessions; `None` if something is in the way.
    fn live(&mut self, random: &mut fastrand::Rng) -> Option<()> {
        let at_once = random.usize(2..6);
        self.log_in_at_once(at_once, random);
        self.settle(random)?;
        let one_by_one = random.usize(2..4);
        self.log_in_one_by_one(one_by_one, random);
        self.settle(random)?;
        self.use_devices(random);
        self.review(random)?;
        if random.bool() {
            self.end_one(random)?;
        } else {
            self.end_others(random)?;
        }
        self.check_list(random)?;
        let again = random.usize(1..3);
        self.log_in_one_by_one(again, random);
        self.settle(random)?;
        self.end_everywhere(random)
    }

    /// The devices that are logged in.
    fn logged_in(&mut self) -> impl Iterator<Item = &mut Device<'a>> {
        self.devices.iter_mut().filter(|device| matches!(device.fate, Fate::LoggedIn(_)))
    }

    /// When the devices took their last ids.
    fn settled_between(&self) -> Vec<Instant> {
        self.devices.iter().flat_map(|device| device.episode.settled_between()).collect()
    }

    /// How many devices there are of which nobody knows whether they have a session.
    fn unknown(&self) -> usize {
        self.devices.iter().filter(|device| matches!(device.fate, Fate::Unknown)).count()
    }

    /// Whether the sessions may have died with the process they lived in.
    fn is_moot(&self) -> bool {
        self.world.sessions_die_with_a_process() && self.world.fleet.epoch() != self.epoch
    }

    /// Whether there may be sessions whose id nobody has: a process that is killed between the two files of a renewal leaves one, with
    /// the name of its device.
    fn may_have_orphans(&self) -> bool {
        self.world.target.keeps() == Keeps::InFiles && self.world.fleet.epoch() != self.epoch
    }

    /// Remembers ids that open nothing any more.
    fn bury(&self, device: &Device<'_>, random: &mut fastrand::Rng) {
        let Fate::Ended(since) = device.fate else { return };
        for cookie in device.episode.ids().into_iter().rev().take(2) {
            self.world.ledger.bury(Dead { user: self.user.clone(), scope: Scope::Crowd, cookie, since }, random);
        }
    }
}
