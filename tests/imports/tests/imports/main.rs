//! Browsers that were logged in by another library stay logged in, and nothing comes back.
#![cfg(unix)]

mod scene;
mod stays_logged_in;
