//! The session cookie: how it is read from a request, and how it is set and removed.

mod attributes;
mod name;
mod parse;

pub(super) use attributes::{CookieAttributes, SessionCookie};
pub use attributes::{CookieMaxAge, SameSite};
pub(super) use parse::values;
