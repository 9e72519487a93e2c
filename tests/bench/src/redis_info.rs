//! Numbers that a Redis server tells about itself.

use anyhow::{Context as _, Result};
use gsession_test_servers::RedisServer;

/// The number behind `name` in a section of `INFO`.
pub(crate) fn number(redis: &RedisServer, section: &str, name: &str) -> Result<f64> {
    let text = redis.command(&["INFO", section]).text();
    let digits = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    digits.and_then(|digits| digits.trim().parse().ok()).with_context(|| format!("the server's {name}"))
}

/// Seconds of CPU that it has used.
pub(crate) fn cpu_seconds(redis: &RedisServer) -> Result<f64> {
    Ok(number(redis, "cpu", "used_cpu_user")? + number(redis, "cpu", "used_cpu_sys")?)
}
