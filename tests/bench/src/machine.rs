//! What a reader must know to compare numbers: the machine, and the versions of what was measured.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::servers::Peer;

/// As it was when this program was built, so that the report cannot name a version that was not measured.
const LOCK_FILE: &str = include_str!("../../../Cargo.lock");
/// What GoFrame's server is built from.
const GO_MODULES: &str = include_str!("../../goframe/go.mod");
/// GoFrame among the packages of Cargo.lock.
pub(crate) const GOFRAME: &str = "GoFrame";

/// The machine that measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    system: String,
    /// The version of Go, where one of its programs was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    go: Option<String>,
    /// Whether this program was built without optimisations.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    debug_build: bool,
}

impl Machine {
    /// This machine; what it does not tell is called unknown.
    pub(crate) fn this() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let processor = read("/proc/cpuinfo")
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim().to_owned()));
        let release = read("/proc/sys/kernel/osrelease");
        Self {
            processor: processor.unwrap_or_else(|| "unknown processor".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("Linux {}", release.trim()),
            go: None,
            debug_build: cfg!(debug_assertions),
        }
    }

    /// With the version of Go that built what was measured.
    pub(crate) fn with_go(mut self, version: Option<&str>) -> Self {
        self.go = version.map(str::to_owned);
        self
    }

    /// In one line.
    pub(crate) fn describe(&self) -> String {
        let mut line = format!("{} cores of {}, {}", self.cores, self.processor, self.system);
        if let Some(go) = &self.go {
            let _ = write!(line, ", {go}");
        }
        if self.debug_build {
            let _ = write!(line, ". A DEBUG BUILD: these numbers mean nothing, use --release");
        }
        line
    }
}

/// The peer's name and version, for people.
pub(crate) fn describe(peer: Peer) -> String {
    let (packages, kind) = peer.packages();
    let names: Vec<String> = packages.iter().map(|name| format!("{name} {}", version(name))).collect();
    format!("{}, {kind}", names.join(" on "))
}

/// The version of a package in Cargo.lock, of several the last, which is the newest; of GoFrame the one in go.mod.
fn version(package: &str) -> &'static str {
    if package == GOFRAME {
        let required = GO_MODULES.lines().find_map(|line| line.trim().strip_prefix("github.com/gogf/gf/v2 v"));
        return required.unwrap_or("unknown");
    }
    let entry = format!("name = \"{package}\"");
    let pairs = LOCK_FILE.lines().zip(LOCK_FILE.lines().skip(1));
    let versions = pairs.filter(|(name, _)| *name == entry).filter_map(|(_, line)| line.strip_prefix("version = "));
    versions.last().map_or("unknown", |text| text.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_peer_has_a_version() {
        for peer in Peer::value_variants() {
            let name = describe(*peer);
            assert!(!name.contains("unknown"), "{name}");
        }
    }
}
