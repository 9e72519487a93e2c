//! The pages of the demo.

pub(crate) mod confirm;
mod current_user;
pub(crate) mod devices;
mod display_time;
mod layout;
pub(crate) mod login;
pub(crate) mod notes;
pub(crate) mod profile;
pub(crate) mod tabs;
