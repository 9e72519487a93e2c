//! The latency of requests on a manager while something else runs, corrected for what a busy machine adds.

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use gsession::{ClientInfo, Manager};
use serde::Serialize;

/// How long requests took, in microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) requests: usize,
    pub(crate) median_us: f64,
    pub(crate) p999_us: f64,
    pub(crate) longest_us: f64,
    /// The longest, not counting the time in which the thread could have gone on but other programs had the processor.
    pub(crate) longest_undisturbed_us: f64,
}

/// Requests, each of which reads and writes one session, as long as told; how long each took.
///
/// They run on the thread that made the sessions, so that it also meets the sweeper in the allocator.
pub(crate) fn timed(manager: &Manager, id: &str, go_on: impl Fn() -> bool) -> Result<Latency> {
    let schedstat = File::open("/proc/thread-self/schedstat").context("reading how long our thread waits")?;
    let mut waited = waited_for_processor(&schedstat)?;
    let mut micros = Vec::new();
    let mut undisturbed = Duration::ZERO;
    while go_on() {
        let started = Instant::now();
        let session = manager.begin(Some(id), ClientInfo::default);
        let n: u64 = session.get("n")?.context("the session that is timed has gone")?;
        session.set("n", &(n + 1))?;
        session.close()?;
        let took = started.elapsed();
        micros.push(took.as_secs_f32() * 1e6);
        let now_waited = waited_for_processor(&schedstat)?;
        undisturbed = undisturbed.max(took.saturating_sub(now_waited.saturating_sub(waited)));
        waited = now_waited;
    }
    micros.sort_by(f32::total_cmp);
    let at = |share: f64| {
        let index = (micros.len() as f64 * share) as usize;
        micros.get(index.min(micros.len().saturating_sub(1))).copied().map_or(0.0, f64::from)
    };
    Ok(Latency {
        requests: micros.len(),
        median_us: at(0.5),
        p999_us: at(0.999),
        longest_us: at(1.0),
        longest_undisturbed_us: undisturbed.as_secs_f64() * 1e6,
    })
}

/// How long a thread was ready to run and had no processor, by its open `schedstat`. Waiting for a lock is not that.
fn waited_for_processor(schedstat: &File) -> Result<Duration> {
    let mut text = [0; 64];
    let length = schedstat.read_at(&mut text, 0)?;
    let second = text[..length].split(|byte| *byte == b' ').nth(1);
    let nanos = second.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    Ok(Duration::from_nanos(nanos.context("the kernel's words on how long our thread waits")?))
}
