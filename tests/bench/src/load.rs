//! How the CPU is measured: what the command line accepts and reports tell.

use clap::{Args, builder::RangedU64ValueParser};
use serde::{Deserialize, Serialize};

/// How the CPU is measured.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct Load {
    /// Interleaved rounds of the CPU measurement; the table has their medians
    #[arg(long, default_value_t = 7, value_parser = RangedU64ValueParser::<u32>::new().range(1..=1_000))]
    pub(crate) rounds: u32,

    /// How long a round loads each server and handler
    #[arg(long, value_name = "MS", default_value_t = 1_000, value_parser = RangedU64ValueParser::<u64>::new().range(50..=60_000))]
    pub(crate) millis: u64,

    /// Keep-alive connections of the CPU measurement
    #[arg(long, default_value_t = 32, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    pub(crate) connections: usize,
}
