//! The session cookie: how it is read from the request, and how it is set and removed.

mod attributes;
mod name;
mod parse;

pub(crate) use attributes::{CookieAttributes, SessionCookie};
pub use attributes::{CookieMaxAge, SameSite};
pub(crate) use parse::values;
