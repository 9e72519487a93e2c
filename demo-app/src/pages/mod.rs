//! The pages of the demo.

mod current_user;
mod display_time;
mod layout;
pub(crate) mod login;
pub(crate) mod notes;
pub(crate) mod profile;
pub(crate) mod tabs;
