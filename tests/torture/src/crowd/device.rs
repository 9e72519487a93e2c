//! One device of a user.

use std::time::Instant;

use crate::{
    client::{Answer, Outcome, Tab},
    episode::{Episode, Write},
    scope::Scope,
    world::World,
};

/// What is known of a device.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    /// Its login was refused, or not sent.
    Out,
    /// Nobody knows whether it has a session, or under which id.
    Unknown,
    /// Its login was acknowledged then.
    LoggedIn(Instant),
    /// Its session has ended, which was acknowledged then.
    Ended(Instant),
}

/// A browser with one tab.
pub(super) struct Device<'a> {
    /// What the list calls it.
    pub(super) name: String,
    pub(super) episode: Episode<'a>,
    pub(super) tab: Tab,
    pub(super) fate: Fate,
}

impl<'a> Device<'a> {
    pub(super) fn new(world: &'a World, user: &str, number: usize) -> Self {
        Self {
            name: format!("device-{number}"),
            episode: Episode::in_scope(world, Scope::Crowd, user.to_owned()),
            tab: Tab::default(),
            fate: Fate::Out,
        }
    }

    /// Logs in, with a cookie that it has before or without one. Gives back whether that was refused, since its session had ended.
    pub(super) fn log_in(&mut self, random: &mut fastrand::Rng) -> bool {
        let slow = if random.bool() { 0 } else { random.u64(1..25) };
        if random.bool() && !self.episode.visit(&mut self.tab) {
            return false;
        }
        let outcome = self.episode.log_in_once(&mut self.tab, &self.name, slow);
        self.fate = match outcome {
            Outcome::Answered(Answer { status: 200, .. }) => Fate::LoggedIn(Instant::now()),
            Outcome::Answered(Answer { status: 409, .. }) | Outcome::NotSent => Fate::Out,
            Outcome::Answered(_) | Outcome::Unknown => Fate::Unknown,
        };
        matches!(outcome, Outcome::Answered(Answer { status: 409, .. }))
    }

    /// Does something of which the outcome is known.
    pub(super) fn act(&mut self, key: &str, random: &mut fastrand::Rng) {
        let (episode, tab) = (&self.episode, &mut self.tab);
        let slow = if random.u8(..3) == 0 { random.u64(1..25) } else { 0 };
        match random.u8(..8) {
            0 => episode.write(tab, Write::Saved, key, slow),
            1 => episode.write(tab, Write::Unsaved, key, slow),
            2..4 => episode.add(tab, slow),
            4 => episode.glance(tab),
            _ => episode.renew(tab, slow),
        }
    }

    /// Does something while the session is ended. Whatever it is told, it is right.
    pub(super) fn straddle(&mut self, random: &mut fastrand::Rng) {
        let slow = random.u64(1..40);
        let page = match random.u8(..5) {
            0..3 => "/renew?",
            3 => "/add?",
            _ => "/set?key=late&value=late&",
        };
        drop(self.episode.ask(&mut self.tab, &format!("{page}slow={slow}")));
    }

    /// Asks for a page until there is an answer: its body, or `None` if nobody is logged in.
    pub(super) fn insist(&mut self, world: &World, page: &str) -> Option<String> {
        let (status, body) = world.patiently(|| match self.episode.ask(&mut self.tab, page) {
            Outcome::Answered(Answer { status: status @ (200 | 401 | 409), body, .. }) => Some((status, body)),
            _ => None,
        })?;
        if status != 200 {
            self.episode.told_nobody(page, status);
            return None;
        }
        Some(body)
    }

    /// Whether any id that it ever had opens a session.
    pub(super) fn opens(&mut self, world: &World) -> bool {
        self.episode.ids().iter().any(|id| world.opens(&mut self.tab, Scope::Crowd, id).is_some())
    }
}
