//! The storage that the command line names.
//!
//! ```text
//! options      what was typed, and what the environment says
//! kind         which kind of storage that is, and which options it has
//! login, postgres_login, path    what they need besides
//! folder, redis, tables    one kind of storage each
//! opening      the one that was named
//! destination  the one to which sessions move
//! sealing      the keys of sealed sessions
//! ```

mod destination;
mod folder;
mod kind;
mod login;
mod opening;
mod options;
mod path;
mod postgres_login;
mod redis;
mod sealing;
mod tables;

pub(crate) use self::{destination::Destination, options::StorageOptions, sealing::SealingOptions};
