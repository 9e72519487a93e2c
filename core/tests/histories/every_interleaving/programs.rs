//! What the requests do.

use std::fmt;

/// A user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Ada,
    Bob,
}

impl Who {
    pub(crate) const fn principal(self) -> &'static str {
        match self {
            Self::Ada => "ada",
            Self::Bob => "bob",
        }
    }
}

/// Something a request does with its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Read,
    /// Reads all there is, and whose it is.
    Look,
    /// Writes a key that nobody else writes.
    Set,
    /// Writes a key that others write too.
    SetCommon,
    /// Adds one.
    Update,
    Clear,
    /// Says whose session it is.
    Own(Who),
    Renew,
    Destroy,
    Save,
    /// The request ends. What comes after it is done with a closed session.
    Close,
    /// Not a request: the idle timeout passes.
    PassTime,
    /// Not a request of a browser: an operator ends all of Ada's sessions.
    Expel,
}

/// An id that a client presents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Id {
    /// Of the session that is there when all begins. It is nobody's.
    First,
    /// What the browser holds when the request is sent, [`First`](Self::First) to begin with.
    Jar,
    /// Never issued.
    Forged,
    /// From before Bob's session was renewed.
    Old,
    /// Of Bob's session.
    Bobs,
}

use Action::{Clear, Close, Destroy, Expel, Look, Own, PassTime, Read, Renew, Save, Set, SetCommon, Update};
use Id::{Bobs, First, Forged, Jar, Old};
use Who::{Ada, Bob};

/// One request. At its end it is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leg {
    pub(crate) presents: &'static [Id],
    pub(crate) actions: &'static [Action],
    /// Whether its answer gets lost on its way to the browser.
    pub(crate) is_lost: bool,
}

impl Leg {
    /// As whom the request logs in.
    pub(crate) fn user(&self) -> Option<Who> {
        self.actions.iter().find_map(|action| if let Own(who) = action { Some(*who) } else { None })
    }

    pub(crate) fn does(&self, action: Action) -> bool {
        self.actions.contains(&action)
    }

    /// Whether there is no way to it but by ids of sessions that are nobody's, or were renewed.
    pub(crate) fn is_strange_to_users(&self) -> bool {
        self.presents.iter().all(|id| matches!(id, First | Forged | Old))
    }
}

/// Requests that come one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) legs: &'static [Leg],
}

impl Program {
    pub(crate) fn does(&self, action: Action) -> bool {
        self.legs.iter().any(|leg| leg.does(action))
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! legs {
    (lost $actions:expr; $($rest:tt)*) => { legs!(@ true [First] $actions; $($rest)*) };
    ($actions:expr; $($rest:tt)*) => { legs!(@ false [First] $actions; $($rest)*) };
    ($actions:expr) => { &[Leg { presents: &[First], actions: &$actions, is_lost: false }] };
    (@ $lost:literal [$($id:ident),*] $actions:expr; $then:expr) => {
        &[
            Leg { presents: &[$($id),*], actions: &$actions, is_lost: $lost },
            Leg { presents: &[Jar], actions: &$then, is_lost: false },
        ]
    };
}

macro_rules! programs {
    ($($name:literal: $legs:expr),* $(,)?) => { &[$(Program { name: $name, legs: $legs }),*] };
}

macro_rules! presenting {
    ([$($id:ident),*] $actions:expr) => { &[Leg { presents: &[$($id),*], actions: &$actions, is_lost: false }] };
}

/// Requests with the id of one session.
pub(crate) const PLAIN: &[Program] = programs! {
    "read": legs!([Read]),
    "write": legs!([Set]),
    "read+write": legs!([Read, Set]),
    "read+common": legs!([Read, SetCommon]),
    "update": legs!([Update]),
    "clear": legs!([Read, Clear]),
    "renew": legs!([Renew]),
    "renew+write": legs!([Read, Renew, Set]),
    "destroy": legs!([Destroy]),
    "read+destroy": legs!([Read, Destroy]),
    "save-twice": legs!([Read, Set, Save, SetCommon]),
    "destroy+write": legs!([Read, Destroy, Set]),
    "renew+save+write": legs!([Renew, Save, SetCommon]),
    "forged": presenting!([Forged] [Set]),
    "time": legs!([PassTime]),
};

/// Logins, also those whose answer gets lost, and what may come between.
pub(crate) const LOGINS: &[Program] = programs! {
    "login": legs!([Renew, Set, Own(Ada)]),
    "look+login": legs!([Look, Renew, Set, Own(Ada)]),
    "bob": legs!([Renew, Set, Own(Bob)]),
    "look+bob": legs!([Look, Renew, Set, Own(Bob)]),
    "bob+save+destroy": legs!([Renew, Set, Own(Bob), Save, Destroy]),
    "login+save+look": legs!([Renew, Own(Ada), Save, Look, Set]),
    "login;login": legs!([Renew, Set, Own(Ada)]; [Renew, SetCommon, Own(Ada)]),
    "lost-login;login": legs!(lost [Renew, Set, Own(Ada)]; [Renew, SetCommon, Own(Ada)]),
    "lost-login;look+login": legs!(lost [Renew, Set, Own(Ada)]; [Look, Renew, SetCommon, Own(Ada)]),
    "lost-login;bob": legs!(lost [Renew, Set, Own(Ada)]; [Renew, SetCommon, Own(Bob)]),
    "login;destroy": legs!([Renew, Set, Own(Ada)]; [Destroy]),
    "lost-login;destroy": legs!(lost [Renew, Set, Own(Ada)]; [Destroy]),
    "lost-renewal;renew+write": legs!(lost [Renew, Set]; [Renew, SetCommon]),
    "look": legs!([Look]),
};

/// Requests with several ids, or with one that was renewed before.
pub(crate) const PRESENTING: &[Program] = programs! {
    "forged|first look+write": presenting!([Forged, First] [Look, Set]),
    "forged|first write": presenting!([Forged, First] [Set]),
    "first|forged write": presenting!([First, Forged] [Set]),
    "old|first look+write": presenting!([Old, First] [Look, Set]),
    "old|first login": presenting!([Old, First] [Renew, Set, Own(Ada)]),
    "first|old login": presenting!([First, Old] [Renew, Set, Own(Ada)]),
    "old|first bob": presenting!([Old, First] [Renew, Set, Own(Bob)]),
    "old|first destroy": presenting!([Old, First] [Look, Destroy]),
    "first|old destroy": presenting!([First, Old] [Destroy]),
    "old|first login+save+destroy": presenting!([Old, First] [Renew, Own(Ada), Save, Destroy]),
    "bobs|first look+write": presenting!([Bobs, First] [Look, Set]),
    "first|bobs write": presenting!([First, Bobs] [Set]),
    "first|bobs destroy": presenting!([First, Bobs] [Destroy]),
    "old write": presenting!([Old] [Look, Set]),
    "old login": presenting!([Old] [Renew, Set, Own(Ada)]),
    "old bob": presenting!([Old] [Renew, Set, Own(Bob), Close, Look]),
};

/// Sessions that are used after the end of their request.
pub(crate) const LATE: &[Program] = programs! {
    "write;late-write": legs!([Set, Close, SetCommon, Update, Renew, Save]),
    "read;late-write": legs!([Read, Close, SetCommon, Clear, Own(Bob), Save]),
    "read;late-destroy": legs!([Read, Close, Destroy, Save, SetCommon, Save]),
    "login;late-destroy": legs!([Renew, Set, Own(Ada), Close, Look, Destroy, Save]),
    "late-look": legs!([Close, Look]),
};

/// What may come between the logins of a user whose sessions are all ended.
pub(crate) const EXPULSIONS: &[Program] = programs! {
    "expel": legs!([Expel]),
    "login;renew": legs!([Renew, Set, Own(Ada)]; [Look, Renew]),
    "login;write": legs!([Renew, Set, Own(Ada)]; [Look, SetCommon]),
};

/// Two that stand for the rest, for where all would be too many.
pub(crate) const OTHERS: &[Program] = programs! {
    "login": legs!([Renew, Set, Own(Ada)]),
    "destroy": legs!([Destroy]),
    "read+write": legs!([Read, Set]),
    "renew": legs!([Renew]),
};

pub(crate) fn by_name(name: &str) -> Program {
    let all = [PLAIN, LOGINS, PRESENTING, LATE, EXPULSIONS].concat();
    *all.iter().find(|program| program.name == name).unwrap_or_else(|| panic!("no program is called {name}"))
}
