//! The ways in which a library can be wrong.

/// Something that a session library must never do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Violation {
    /// A write was acknowledged and is not there.
    LostUpdate,
    /// A session opens after its logout was acknowledged, or an id after it was replaced for long enough.
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
    /// A user has more sessions than are allowed, or fewer, or a list of them is not what it has to be.
    Devices,
    /// A write that came after the response was accepted.
    LateWrite,
    /// A key in Redis that never expires.
    EndlessKey,
    /// Something is left when everything has ended.
    Growth,
}

impl Violation {
    pub(crate) const ALL: [Self; 11] = [
        Self::LostUpdate,
        Self::DeadAlive,
        Self::Crossed,
        Self::Successors,
        Self::Increment,
        Self::FalseSuccess,
        Self::LoginRefused,
        Self::Devices,
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
            Self::Devices => "devices wrong",
            Self::LateWrite => "late writes accepted",
            Self::EndlessKey => "keys without expiry",
            Self::Growth => "left over",
        }
    }
}
