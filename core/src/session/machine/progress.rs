//! The progress of a save, or of the end of a request.

use crate::{Error, Saved};

/// The progress of a save or a close.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Whether the request ends, which also counts as activity.
    pub(super) closing: bool,
    pub(super) saved: Saved,
    pub(super) ids_tried: u8,
    pub(super) touch_asked: bool,
    /// Whether something was stored, which proves that the session is alive.
    pub(super) stored: bool,
    /// Whether changes were lost although the session lives.
    pub(super) conflict: bool,
}

/// What a request loses if its changes cannot be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loses {
    Nothing,
    /// Writes.
    Writes,
    /// A login, or a renewal with other writes: the response must not claim success.
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

    /// The changes cannot be stored, because the session ended or another request renewed it. A save reports that. At the
    /// end of a request, where the result may go unread, a lost login is an error.
    pub(super) fn lose(&mut self, loses: Loses) -> Result<(), Error> {
        self.saved = Saved::Gone;
        self.conflict |= loses == Loses::Writes;
        if loses == Loses::Login && self.closing { Err(Error::Gone) } else { Ok(()) }
    }
}
