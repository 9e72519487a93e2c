//! What several requests of one client do, one after the other, and how that is told.

use std::fmt;

use proptest::prelude::*;

/// Requests that are open at the same time.
pub(crate) const REQUESTS: usize = 3;

#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// Ends the request at this place, if there is one that has not ended, and begins another.
    Open,
    Get(String),
    Set(String, u32),
    Remove(String),
    Clear,
    Update(String),
    /// Says whose session it is, or that it is nobody's.
    Own(Option<u32>),
    Renew,
    /// Renews, says whose it is and sets an entry.
    LogIn(u32),
    Destroy,
    Save,
    Close,
    /// As `Close`, and the answer gets lost on its way to the client.
    CloseUnheard,
    /// The client keeps its cookie a second time.
    Keep,
    /// From now on the client sends its two cookies the other way round.
    Swap,
    /// The request is dropped in the middle of its work.
    Drop,
    /// Every session of somebody is ended, but for the one that the client holds now.
    DestroyAllOf(u32),
    /// The idle timeout passes.
    Expire,
    /// The process ends, with all its requests, and another one opens the storage.
    Restart,
}

/// A history. Each step says at which place; those that are about no request ignore it.
pub(crate) type History = Vec<(usize, Op)>;

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => Just(Op::Open),
        6 => "[a-d]".prop_map(Op::Get),
        10 => ("[a-d]", 0..100_u32).prop_map(|(key, value)| Op::Set(key, value)),
        4 => "[a-d]".prop_map(Op::Remove),
        2 => Just(Op::Clear),
        6 => "[a-d]".prop_map(Op::Update),
        2 => prop::option::of(0..3_u32).prop_map(Op::Own),
        4 => Just(Op::Renew),
        5 => (0..3_u32).prop_map(Op::LogIn),
        2 => Just(Op::Destroy),
        6 => Just(Op::Save),
        5 => Just(Op::Close),
        3 => Just(Op::CloseUnheard),
        2 => Just(Op::Keep),
        1 => Just(Op::Swap),
        2 => Just(Op::Drop),
        1 => (0..3_u32).prop_map(Op::DestroyAllOf),
        1 => Just(Op::Expire),
        1 => Just(Op::Restart),
    ]
}

pub(crate) fn history() -> impl Strategy<Value = History> {
    prop::collection::vec((0..REQUESTS, op()), 1..60)
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("a new request comes, with the client's cookie"),
            Self::Get(key) => write!(f, "it reads {key}"),
            Self::Set(key, value) => write!(f, "it sets {key} to {value}"),
            Self::Remove(key) => write!(f, "it removes {key}"),
            Self::Clear => f.write_str("it clears"),
            Self::Update(key) => write!(f, "it adds 1 to {key}"),
            Self::Own(Some(user)) => write!(f, "it gives the session to user {user}"),
            Self::Own(None) => f.write_str("it says that the session is nobody's"),
            Self::Renew => f.write_str("it renews"),
            Self::LogIn(user) => write!(f, "it logs user {user} in"),
            Self::Destroy => f.write_str("it destroys"),
            Self::Save => f.write_str("it saves"),
            Self::Close => f.write_str("it ends"),
            Self::CloseUnheard => f.write_str("it ends, and its answer is lost"),
            Self::Keep => f.write_str("the client keeps its cookie a second time"),
            Self::Swap => f.write_str("the client sends its two cookies the other way round"),
            Self::Drop => f.write_str("it is dropped"),
            Self::DestroyAllOf(user) => write!(f, "every other session of user {user} is ended"),
            Self::Expire => f.write_str("the idle timeout passes"),
            Self::Restart => f.write_str("the process ends and another one begins"),
        }
    }
}

/// A history in words, a line a step.
pub(crate) fn in_words(history: &History) -> String {
    let line = |(place, op): &(usize, Op)| match op {
        Op::DestroyAllOf(_) | Op::Expire | Op::Restart | Op::Keep | Op::Swap => format!("  {op}\n"),
        op => format!("  request {place}: {op}\n"),
    };
    history.iter().map(line).collect()
}
