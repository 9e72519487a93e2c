//! Servers on other libraries, with the same pages:
//!
//! | page | what it does |
//! |---|---|
//! | `/login` | keeps `user`, which is "ada", `visits`, which is 3, and `cart`, a list |
//! | `/large` | keeps 2,000 values |
//! | `/whoami` | shows the user |
//! | `/logout` | ends the session |

mod actix;
mod tower;

pub use actix::{ActixPeer, Content};
pub use tower::{Protection, TowerPeer, TowerPlace, Version};

/// What `/login` keeps.
pub(crate) const VALUES: [(&str, &str); 3] = [("user", "\"ada\""), ("visits", "3"), ("cart", "[\"tea\",\"milk\"]")];
/// How many values `/large` keeps.
pub(crate) const LARGE: usize = 2_000;

/// What a page is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    Login,
    Large,
    WhoAmI,
    Logout,
    Unknown,
}

impl Page {
    pub(crate) fn of(path: &str) -> Self {
        match path {
            "/login" => Self::Login,
            "/large" => Self::Large,
            "/whoami" => Self::WhoAmI,
            "/logout" => Self::Logout,
            _ => Self::Unknown,
        }
    }
}
