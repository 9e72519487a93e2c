//! Histories of overlapping requests: every one, up to three requests; and longer ones, at random.
#![cfg(feature = "file")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

#[cfg(feature = "conformance")]
mod every_interleaving;
#[cfg(feature = "conformance")]
#[allow(dead_code, reason = "some faults need what no request here does")]
#[path = "../conformance/fault.rs"]
mod fault;
#[cfg(feature = "conformance")]
#[path = "../conformance/forgetful.rs"]
mod forgetful;
#[cfg(feature = "conformance")]
#[allow(dead_code, reason = "some faults need what no request here does")]
#[path = "../conformance/plain.rs"]
mod plain;
#[cfg(feature = "conformance")]
mod random_histories;
mod rotation_histories;
#[path = "../support/mod.rs"]
mod support;
