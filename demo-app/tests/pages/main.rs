//! The demo's pages as a browser asks for them, over HTTP requests but without a network.

// In a test a panic is the report; clippy's own exception covers test functions only, not their helpers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod browser;
mod demo;
mod forms;
mod login;
mod notes;
mod program;
mod responses;
mod served_by;
mod tabs;
