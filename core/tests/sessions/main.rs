//! What sessions do, on every storage: requests and how they end, logins, deadlines, users and their sessions, values.
#![cfg(feature = "file")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod altering;
mod candidates;
mod confirmed_logins;
mod counting;
mod cut_off;
#[cfg(feature = "tokio")]
mod ended;
mod exchange;
mod extremes;
mod goframe;
mod lifetimes;
mod logins;
mod observe;
mod other_sessions;
mod overlap;
mod overlapping_logins;
mod pages;
mod remember;
mod rotation;
mod stolen_id;
#[path = "../support/mod.rs"]
mod support;
mod tags;
mod values;
mod why_gone;
