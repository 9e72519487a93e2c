//! The harness of the tests that cross crates: servers as child processes, a real browser, and HTTP byte by byte.
//!
//! Every part either works or fails the test with a sentence that says what to do about it. Nothing is ever skipped.
//!
//! | module | what it gives |
//! |---|---|
//! | [`demo`] | the demo, built and running, to be stopped, killed and restarted at the same address |
//! | [`site`] | a small site of the test's own, in the test's process |
//! | [`browser`] | what a person does in a browser: open, type, click, look, go back |
//! | [`person`] | what a person does on the demo's pages |
//! | [`chromedriver`] | the headless Chromium behind it |
//! | [`http`] | exact bytes to a server, and its answer as it came |
//! | [`process`] | a child process that says when it is ready, keeps what it prints, and ends with the test |
//! | [`program`] | where an installed program is, or how to install it |
//! | [`build`] | a binary of this workspace, fresh from cargo |
//! | [`wait`] | waiting for something that must come true soon |

pub mod browser;
pub mod build;
pub mod chromedriver;
pub mod demo;
pub mod http;
pub use gsession_test_servers::{process, program};
pub mod person;
pub mod site;
pub mod wait;

/// Compiles the README's code with the other examples.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
