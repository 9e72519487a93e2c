//! What the browsers and the faults do.

/// Something that was done, and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
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
    /// Somebody looks at the list of their devices.
    List,
    /// One device is ended from another one, or all others are.
    DeviceEnd,
    /// All devices are ended from one of them.
    Everywhere,
    /// A browser gets another id because it is time to.
    Rotation,
    /// An id from before a rotation is used by somebody else.
    Theft,
    Probe,
    /// Answered in a way that leaves open whether it was done, or not answered.
    Unknown,
    Fault,
}

impl Action {
    pub(crate) const ALL: [Self; 20] = [
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
        Self::List,
        Self::DeviceEnd,
        Self::Everywhere,
        Self::Rotation,
        Self::Theft,
        Self::Probe,
        Self::Unknown,
        Self::Fault,
    ];

    /// Whether there is something to do, and not just an outcome.
    pub(crate) const fn is_deed(self) -> bool {
        !matches!(self, Self::Unknown)
    }

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
            Self::List => "device lists",
            Self::DeviceEnd => "devices ended",
            Self::Everywhere => "logouts everywhere",
            Self::Rotation => "rotations",
            Self::Theft => "thefts",
            Self::Probe => "probes",
            Self::Unknown => "unknown outcomes",
            Self::Fault => "faults",
        }
    }
}
