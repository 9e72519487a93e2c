//! Browsers that were logged in by another library stay logged in, and nothing comes back.
#![cfg(unix)]

mod attacks;
mod browser;
mod failures;
mod notes;
#[path = "../../../../core/tests/support/pausing_storage.rs"]
#[allow(dead_code, reason = "of the core's tests, which use all of it")]
mod pausing_storage;
mod races;
mod scene;
mod settings;
mod stays_logged_in;

pub(crate) use gsession_tests::wait::PATIENCE;
