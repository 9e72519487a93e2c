//! What is counted.

/// What a library can be found guilty of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charge {
    /// A write was acknowledged and is not there.
    LostUpdate,
    /// A session opens after its logout was acknowledged.
    DeadAlive,
    /// An answer was somebody else's.
    Crossed,
    /// After a renewal or a repeated login more than one session of the user lives, or the browser is left with an id that opens
    /// nothing.
    Successors,
    /// The counter is not what was acknowledged.
    Increment,
    /// A page took somebody who is logged in for a visitor, or something was stored whose request had failed.
    FalseSuccess,
    /// Whoever repeated a login, or sent it twice, is not logged in.
    LoginRefused,
    /// A write that came after the response was accepted.
    LateWrite,
    /// A key in Redis that never expires.
    EndlessKey,
    /// Something is left when everything has ended.
    Growth,
}

impl Charge {
    pub(crate) const ALL: [Self; 10] = [
        Self::LostUpdate,
        Self::DeadAlive,
        Self::Crossed,
        Self::Successors,
        Self::Increment,
        Self::FalseSuccess,
        Self::LoginRefused,
        Self::LateWrite,
        Self::EndlessKey,
        Self::Growth,
    ];

    /// The head of its column.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::LostUpdate => "updates lost",
            Self::DeadAlive => "dead sessions alive",
            Self::Crossed => "sessions crossed",
            Self::Successors => "ids over one",
            Self::Increment => "increments wrong",
            Self::FalseSuccess => "false successes",
            Self::LoginRefused => "logins refused",
            Self::LateWrite => "late writes accepted",
            Self::EndlessKey => "keys without expiry",
            Self::Growth => "left over",
        }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Login,
    Read,
    Write,
    Increment,
    Renewal,
    Logout,
    /// Somebody else ends all sessions of a user.
    Expulsion,
    Failure,
    HangUp,
    /// A login that the browser hung up on and repeated at once.
    Repeat,
    /// A login that was sent twice at the same time.
    DoubleClick,
    /// A use of the session after the response.
    LateUse,
    Probe,
    /// Answered in a way that leaves open whether it was done, or not answered.
    Unknown,
    Fault,
}

impl Deed {
    pub(crate) const ALL: [Self; 15] = [
        Self::Login,
        Self::Read,
        Self::Write,
        Self::Increment,
        Self::Renewal,
        Self::Logout,
        Self::Expulsion,
        Self::Failure,
        Self::HangUp,
        Self::Repeat,
        Self::DoubleClick,
        Self::LateUse,
        Self::Probe,
        Self::Unknown,
        Self::Fault,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Login => "logins",
            Self::Read => "reads",
            Self::Write => "writes",
            Self::Increment => "increments",
            Self::Renewal => "renewals",
            Self::Logout => "logouts",
            Self::Expulsion => "expulsions",
            Self::Failure => "500s and panics",
            Self::HangUp => "hang-ups",
            Self::Repeat => "repeated logins",
            Self::DoubleClick => "double clicks",
            Self::LateUse => "late uses",
            Self::Probe => "probes",
            Self::Unknown => "unknown outcomes",
            Self::Fault => "faults",
        }
    }
}
