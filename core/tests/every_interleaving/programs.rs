//! What the requests do.

use std::fmt;

use gsession::{AsyncSession, Closed, Error};

/// Something a request does with its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Read,
    /// Writes a key that nobody else writes.
    Set,
    /// Writes a key that others write too.
    SetCommon,
    /// Adds one.
    Update,
    Clear,
    Renew,
    Destroy,
    Save,
    /// Not a request: the idle timeout passes.
    PassTime,
}

use Action::{Clear, Destroy, PassTime, Read, Renew, Save, Set, SetCommon, Update};

/// A request. At its end it is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) actions: &'static [Action],
    /// Whether it comes with an id that was never issued.
    pub(crate) is_forged: bool,
}

const fn program(name: &'static str, actions: &'static [Action]) -> Program {
    Program { name, actions, is_forged: false }
}

pub(crate) const PROGRAMS: [Program; 15] = [
    program("read", &[Read]),
    program("write", &[Set]),
    program("read+write", &[Read, Set]),
    program("read+common", &[Read, SetCommon]),
    program("update", &[Update]),
    program("clear", &[Read, Clear]),
    program("renew", &[Renew]),
    program("renew+write", &[Read, Renew, Set]),
    program("destroy", &[Destroy]),
    program("read+destroy", &[Read, Destroy]),
    program("save-twice", &[Read, Set, Save, SetCommon]),
    program("destroy+write", &[Read, Destroy, Set]),
    program("renew+save+write", &[Renew, Save, SetCommon]),
    Program { name: "forged", actions: &[Set], is_forged: true },
    program("time", &[PassTime]),
];

pub(crate) fn by_name(name: &str) -> Program {
    *PROGRAMS.iter().find(|program| program.name == name).unwrap_or_else(|| panic!("no program is called {name}"))
}

impl Program {
    pub(crate) fn does(&self, action: Action) -> bool {
        self.actions.contains(&action)
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// What a request was told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) updates: u64,
    /// What its last save or close came to, if one was acknowledged.
    pub(crate) closed: Option<Closed>,
    pub(crate) failed: bool,
}

/// Does what a program says, and closes; what fails is tried once more.
pub(crate) async fn carry_out(
    program: Program,
    number: usize,
    session: AsyncSession,
    mut pending: impl FnMut(Action),
) -> Told {
    let mut told = Told::default();
    for &action in program.actions {
        pending(action);
        let done: Result<(), Error> = match action {
            Read => session.get::<u64>("n").await.map(drop),
            Set => session.set(&own_key(number), &number),
            SetCommon => session.set("common", &number),
            Update => session.update("n", |n: Option<u64>| n.unwrap_or_default() + 1).await.map(|_| told.updates += 1),
            Clear => {
                session.clear().unwrap();
                Ok(())
            }
            Renew => {
                session.renew().unwrap();
                Ok(())
            }
            Destroy => {
                session.destroy();
                Ok(())
            }
            Save => session.save().await.map(drop),
            PassTime => Ok(()),
        };
        if done.is_err() {
            told.failed = true;
        }
    }
    for _ in 0..2 {
        match session.close().await {
            Ok(closed) => {
                told.closed = Some(closed);
                return told;
            }
            Err(_) => told.failed = true,
        }
    }
    session.abandon();
    told
}

pub(crate) fn own_key(number: usize) -> String {
    format!("own-{number}")
}
