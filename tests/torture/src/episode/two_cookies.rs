//! Browsers that hold two cookies of one name, as after a change of its path or its domain.

use crate::{
    client::{Answer, Outcome, Tab},
    world::World,
};

/// A second cookie, which no answer changes.
#[derive(Debug)]
pub(super) struct SecondCookie {
    what: What,
    comes_first: bool,
}

#[derive(Debug)]
enum What {
    /// A cookie of this session that was renewed since.
    Renewed,
    /// That of a session that has ended.
    Dead(String),
    /// That of another application's living session.
    Foreign(String),
    /// Nothing that could be an id.
    Garbage,
}

impl SecondCookie {
    /// Most browsers have none. No peer says what it makes of one.
    pub(super) fn pick(world: &World, tab: &mut Tab, random: &mut fastrand::Rng) -> Option<Self> {
        if !world.target.is_ours() {
            return None;
        }
        let what = match random.u8(..8) {
            0 => What::Renewed,
            1 => What::Garbage,
            2 => What::Foreign(elsewhere(world, tab)?),
            // A failover may have brought it back.
            3 if !world.target.fails_over() => What::Dead(world.ledger.some_dead(random)?.cookie),
            _ => return None,
        };
        Some(Self { what, comes_first: random.bool() })
    }

    /// For people.
    pub(super) const fn in_words(&self) -> &'static str {
        match (&self.what, self.comes_first) {
            (What::Renewed, true) => "a renewed cookie before its own",
            (What::Renewed, false) => "a renewed cookie after its own",
            (What::Dead(_), true) => "the cookie of a dead session before its own",
            (What::Dead(_), false) => "the cookie of a dead session after its own",
            (What::Foreign(_), true) => "another application's cookie before its own",
            (What::Foreign(_), false) => "another application's cookie after its own",
            (What::Garbage, true) => "a malformed cookie before its own",
            (What::Garbage, false) => "a malformed cookie after its own",
        }
    }

    /// The browser's own cookie, if it has one, and this one.
    pub(super) fn beside(&self, jar: Option<&str>, ids: &[String]) -> Option<String> {
        let second_cookie = match (&self.what, jar) {
            (What::Dead(cookie) | What::Foreign(cookie), _) => Some(cookie.clone()),
            (What::Renewed, Some(jar)) => ids.iter().find(|id| *id != jar).cloned(),
            (What::Garbage, Some(jar)) => jar.split_once('=').map(|(name, _)| format!("{name}=\"out of order\"")),
            (What::Renewed | What::Garbage, None) => None,
        };
        match (second_cookie, jar) {
            (Some(second_cookie), Some(jar)) if self.comes_first => Some(format!("{second_cookie}; {jar}")),
            (Some(second_cookie), Some(jar)) => Some(format!("{jar}; {second_cookie}")),
            (second_cookie, jar) => second_cookie.or_else(|| jar.map(str::to_owned)),
        }
    }
}

/// The cookie of a living session of another application.
fn elsewhere(world: &World, tab: &mut Tab) -> Option<String> {
    match world.ask(tab, "/elsewhere/visit", None) {
        Outcome::Answered(Answer { status: 200, cookie, .. }) => cookie?,
        _ => None,
    }
}
