//! What is done with the sessions, and what it costs.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use gsession::{ClientInfo, Manager, Saved, Timestamp};
use rustix::time::{ClockId, clock_gettime};

use super::place::Place;
use crate::redis_info;

/// CPU microseconds of one operation, on average.
pub(super) struct Work {
    /// Of the thread that does it.
    pub(super) cpu: f64,
    /// Of the Redis server, if there is one.
    pub(super) redis: Option<f64>,
}

impl Work {
    /// What `operations` cost that `run` does.
    pub(super) fn of(place: &Place, operations: u32, run: impl FnOnce() -> Result<()>) -> Result<Self> {
        let server = || place.redis().map(redis_info::cpu_seconds).transpose();
        let (before, server_before) = (cpu_of_this_thread(), server()?);
        run()?;
        let (after, server_after) = (cpu_of_this_thread(), server()?);
        let each = |seconds: f64| seconds * 1e6 / f64::from(operations);
        let redis = server_after.zip(server_before).map(|(after, before)| each(after - before));
        Ok(Self { cpu: each(after - before), redis })
    }
}

/// Seconds of CPU that this thread has used.
fn cpu_of_this_thread() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Makes sessions with two entries, and returns their ids.
pub(super) fn ids(manager: &Manager, sessions: u32) -> Result<Vec<String>> {
    let make = |number| {
        let session = manager.begin(None, ClientInfo::default);
        session.set("user", &format!("user-{number:07}"))?;
        session.set("n", &0)?;
        ensure!(session.save()? == Saved::Created, "a session was not stored");
        let id = session.id().context("a saved session has no id")?;
        Ok(id.as_str().to_owned())
    };
    (0..sessions).map(make).collect()
}

/// Listing the sessions of a user who has three.
pub(super) fn list(place: &Place, manager: &Manager, now: Timestamp) -> Result<Work> {
    for _ in 0..3 {
        let session = manager.begin(None, ClientInfo::default);
        session.set_principal("a user with three sessions")?;
        ensure!(session.save()? == Saved::Created, "a session was not stored");
    }
    let storage = place.storage();
    let find = || -> Result<()> {
        ensure!(storage.find("a user with three sessions", now)?.len() == 3, "a session was not listed");
        Ok(())
    };
    let started = Instant::now();
    find()?;
    // Many times, unless it takes long.
    let times = (Duration::from_millis(50).as_nanos() / started.elapsed().as_nanos().max(1)).clamp(1, 1_000) as u32;
    Work::of(place, times, || (0..times).try_for_each(|_| find()))
}

/// A session that is used while others are swept.
pub(super) fn witness(manager: &Manager) -> Result<String> {
    ids(manager, 1)?.pop().context("no session was made")
}

/// The ids in an order that no cache likes.
fn in_no_order(ids: &[String], times: u32) -> impl Iterator<Item = &String> {
    let step = 7_919; // a prime, so that every session has its turn
    (0..times as usize).filter_map(move |turn| ids.get(turn * step % ids.len().max(1)))
}

/// Requests that read one entry.
pub(super) fn read(manager: &Manager, ids: &[String], times: u32) -> Result<()> {
    for id in in_no_order(ids, times) {
        let session = manager.begin(Some(id.as_str()), ClientInfo::default);
        ensure!(session.get::<String>("user")?.is_some(), "a session is gone");
        session.close()?;
    }
    Ok(())
}

/// Requests that read an entry and write it back.
pub(super) fn change(manager: &Manager, ids: &[String], times: u32) -> Result<()> {
    for id in in_no_order(ids, times) {
        let session = manager.begin(Some(id.as_str()), ClientInfo::default);
        let n: u32 = session.get("n")?.context("a session is gone")?;
        session.set("n", &(n + 1))?;
        session.close()?;
    }
    Ok(())
}
