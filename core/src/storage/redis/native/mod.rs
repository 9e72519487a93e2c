//! gsession's own layouts. Each session has a header at fixed offsets, which scripts read and change without knowing the rest.

mod by_header;
mod context;
mod count;
mod format;
mod hashes;
mod header;
mod index;
mod indexed_change;
mod known;
mod listing;
mod pages;
mod recently_touched;
mod scan;
mod script_args;
mod scripts;
mod strings;

pub(super) use format::Native;
pub use hashes::Hashes;
pub use strings::Strings;
