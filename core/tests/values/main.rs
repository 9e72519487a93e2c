//! Values: what `set` accepts `get` returns, equal; what is damaged is absent; what is read later counts.
#![cfg(feature = "file")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod damaged;
mod kept;
#[cfg(feature = "redis")]
mod later;
mod refused;
mod shapes;
#[path = "../support/mod.rs"]
mod support;
