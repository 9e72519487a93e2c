//! What the command line accepts.

use std::{collections::HashSet, path::PathBuf};

use clap::{Args, CommandFactory as _, Parser, Subcommand, builder::RangedU64ValueParser, error::ErrorKind};

use crate::{
    load::Load,
    results::{self, Results},
    scale,
    servers::{Handler, Peer},
};

/// Measures gsession next to its peers and prints Markdown.
///
/// Without a subcommand: requests a second, server CPU, user-space instructions and allocations a request, each above
/// the same handler on the same framework without sessions, and what a request asks of a database server. Servers are child
/// processes on the loopback interface, one worker each; each that needs a database server has one of its own. GoFrame's
/// server is built with Go, and left out where Go or its modules are missing.
///
/// Exit status: 2 if the command line makes no sense or something is not installed, 1 if measuring failed.
#[derive(Debug, Parser)]
#[command(name = "gsession-bench", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) speed: Speed,
}

impl Cli {
    /// Reads the command line. What makes no sense is explained, and ends the process with status 2.
    pub(crate) fn read() -> Self {
        let cli = Self::parse();
        let refused = match &cli.command {
            None if cli.speed.skip_cpu
                && cli.speed.skip_instructions
                && cli.speed.skip_allocations
                && cli.speed.skip_commands =>
            {
                "nothing is left to measure"
            }
            Some(Command::Lost(settings)) if settings.peers.iter().any(|peer| !peer.has_sessions()) => {
                "a bare server has no sessions that could get lost"
            }
            Some(Command::Charts(settings)) if settings.has_two_of_a_kind() => {
                "two files are of the same kind; which of them is to be drawn?"
            }
            _ => return cli,
        };
        Self::command().error(ErrorKind::ValueValidation, refused).exit()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bytes a session in memory, and the longest stall of a request while all sessions expire
    Memory(Memory),
    /// What sessions cost when there are many: create, read, change and sweep; bytes a session; start-up time
    Scale(Scale),
    /// Compares a read from the near cache of a Redis storage with one from memory, measured side by side
    Near(Near),
    /// Times small reads that overlap on one connection, with and without Nagle's algorithm
    Nagle(Nagle),
    /// Counts updates lost by overlapping requests, and sessions that come back after a logout
    Lost(Lost),
    /// Draws what other runs printed with --json as SVG charts, and writes speeds as Markdown tables
    Charts(Charts),
    /// Serves one peer until standard input closes (the benchmark starts itself with this)
    #[command(hide = true)]
    Serve(Serve),
}

#[derive(Debug, Args)]
pub(crate) struct Speed {
    /// Measure only this peer (may be repeated); its bare server is measured too
    #[arg(long = "peer", value_name = "PEER")]
    pub(crate) peers: Vec<Peer>,

    /// Measure only this handler (may be repeated)
    #[arg(long = "handler", value_name = "HANDLER")]
    pub(crate) handlers: Vec<Handler>,

    #[command(flatten)]
    pub(crate) load: Load,

    /// Leave out throughput and CPU
    #[arg(long)]
    pub(crate) skip_cpu: bool,

    /// Leave out instructions (they need valgrind)
    #[arg(long)]
    pub(crate) skip_instructions: bool,

    /// Leave out allocations
    #[arg(long)]
    pub(crate) skip_allocations: bool,

    /// Leave out the commands and round trips to a database server
    #[arg(long)]
    pub(crate) skip_commands: bool,

    /// Keep callgrind's output in this folder, for callgrind_annotate
    #[arg(long, value_name = "DIR", conflicts_with = "skip_instructions", value_parser = folder)]
    pub(crate) callgrind_dir: Option<PathBuf>,

    /// Print JSON instead of Markdown
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Near {
    #[command(flatten)]
    pub(crate) load: Load,

    /// Leave out instructions (they need valgrind)
    #[arg(long)]
    pub(crate) skip_instructions: bool,

    /// Print JSON instead of Markdown
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Memory {
    /// How many sessions to keep and then let expire
    #[arg(long, default_value_t = 1_000_000, value_parser = RangedU64ValueParser::<u32>::new().range(1_000..=20_000_000))]
    pub(crate) sessions: u32,

    /// Print JSON instead of Markdown
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Scale {
    /// Measure only this storage (may be repeated)
    #[arg(long = "storage", value_name = "STORAGE")]
    pub(crate) storages: Vec<scale::Kind>,

    /// How many sessions to fill each storage with (may be repeated)
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 100_000, 1_000_000],
          value_parser = RangedU64ValueParser::<u32>::new().range(1_000..=20_000_000))]
    pub(crate) sessions: Vec<u32>,

    /// Print JSON instead of Markdown
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where `nagle` finds a server at some distance on one machine.
const LINK: &str = "\
Two network namespaces make a link with a delay on one machine (as root; the kernel needs sch_netem):

    ip netns add near && ip netns add far && ip link add toward netns near type veth peer name back netns far
    ip -n near addr add 10.99.0.1/24 dev toward && ip -n near link set toward up
    ip -n far addr add 10.99.0.2/24 dev back && ip -n far link set back up
    ip netns exec near tc qdisc add dev toward root netem delay 1ms
    ip netns exec far tc qdisc add dev back root netem delay 1ms
    ip netns exec far redis-server --bind 10.99.0.2 --protected-mode no --save '' &
    ip netns exec near cargo run --release -p gsession-bench -- nagle --redis redis://10.99.0.2:6379";

#[derive(Debug, Args)]
#[command(after_help = LINK)]
pub(crate) struct Nagle {
    /// A Redis server at the other end of a link with a delay
    #[arg(long, value_name = "URL")]
    pub(crate) redis: String,
}

#[derive(Debug, Args)]
pub(crate) struct Lost {
    /// Examine only this peer (may be repeated)
    #[arg(long = "peer", value_name = "PEER")]
    pub(crate) peers: Vec<Peer>,

    /// Print JSON instead of Markdown
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Charts {
    /// What a run of the speeds, of `lost` or of `scale` printed with --json (may be repeated)
    #[arg(long, value_name = "FILE", required = true, value_parser = results::read)]
    pub(crate) from: Vec<Results>,

    /// Where to write the charts and tables
    #[arg(long, value_name = "DIR", value_parser = folder)]
    pub(crate) to: PathBuf,
}

impl Charts {
    fn has_two_of_a_kind(&self) -> bool {
        let kinds: HashSet<_> = self.from.iter().map(std::mem::discriminant).collect();
        kinds.len() < self.from.len()
    }
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// What to serve
    #[arg(long)]
    pub(crate) peer: Peer,

    /// Count allocations, for `/allocs`
    #[arg(long)]
    pub(crate) count_allocations: bool,

    /// Where a storage on disk keeps its files
    #[arg(long, value_name = "DIR", required_if_eq_any([
        ("peer", "gsession-file"),
        ("peer", "gsession-axum-file"),
        ("peer", "gsession-sqlite"),
        ("peer", "gsession-axum-sqlite"),
        ("peer", "tower-sessions-sqlite"),
    ]))]
    pub(crate) dir: Option<PathBuf>,

    /// The server of a storage in Postgres
    #[arg(long, value_name = "URL", required_if_eq_any([
        ("peer", "gsession-postgres"),
        ("peer", "gsession-axum-postgres"),
        ("peer", "tower-sessions-postgres"),
    ]))]
    pub(crate) postgres: Option<String>,

    /// The server of a storage in Redis
    #[arg(long, value_name = "URL", required_if_eq_any([
        ("peer", "redis-alone"),
        ("peer", "gsession-redis"),
        ("peer", "gsession-redis-hash"),
        ("peer", "gsession-redis-near"),
        ("peer", "actix-session-redis"),
        ("peer", "gsession-axum-redis"),
        ("peer", "gsession-axum-redis-hash"),
        ("peer", "tower-sessions-redis"),
    ]))]
    pub(crate) redis: Option<String>,
}

/// A folder, or a name for one that is still to be made.
fn folder(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.exists() && !path.is_dir() { Err("this is not a folder".to_owned()) } else { Ok(path) }
}
