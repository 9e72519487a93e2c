//! How far a save or the end of a request has come.

use crate::{Error, Saved};

/// How far a save or a close has come.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Whether the request ends, so that it also counts as activity.
    pub(super) closing: bool,
    pub(super) saved: Saved,
    pub(super) ids_tried: u8,
    pub(super) touch_asked: bool,
    /// Whether something was stored, so that the session was alive a moment ago.
    pub(super) stored: bool,
    /// Whether something that was written is lost although the session lives.
    pub(super) conflict: bool,
}

/// What a request loses whose changes cannot be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loses {
    Nothing,
    /// Something it wrote.
    Writes,
    /// A login, or a renewal with what was written beside it: a success that must not be claimed.
    Login,
}

impl Loses {
    pub(super) const fn of(writes: bool, is_login: bool) -> Self {
        match (writes, is_login) {
            (false, _) => Self::Nothing,
            (true, false) => Self::Writes,
            (true, true) => Self::Login,
        }
    }
}

impl Progress {
    pub(crate) const fn saving() -> Self {
        Self { closing: false, saved: Saved::Nothing, ids_tried: 0, touch_asked: false, stored: false, conflict: false }
    }

    pub(crate) const fn closing() -> Self {
        Self { closing: true, ..Self::saving() }
    }

    pub(crate) const fn saved(&self) -> Saved {
        self.saved
    }

    pub(crate) const fn conflict(&self) -> bool {
        self.conflict
    }

    /// What was written cannot be stored, because another request has ended or renewed the session. A save says so; at the end of
    /// a request, where nobody may look, a lost login is an error.
    pub(super) fn lose(&mut self, loses: Loses) -> Result<(), Error> {
        self.saved = Saved::Gone;
        self.conflict |= loses == Loses::Writes;
        if loses == Loses::Login && self.closing { Err(Error::Gone) } else { Ok(()) }
    }
}
