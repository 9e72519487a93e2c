//! What is particular to each storage: its bounds, its costs, its faults, its attackers, its leftovers.
#![cfg(feature = "file")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod file;
mod holders;
mod memory;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "encryption")]
mod sealed;
#[cfg(all(feature = "postgres", feature = "sqlite", target_os = "linux"))]
mod sql;
#[path = "../support/mod.rs"]
mod support;
