//! The versions of what was measured, which a reader must know to compare numbers.

use crate::servers::{GOFRAME, Peer};

/// As it was when this program was built, so that the report cannot name a version that was not measured.
const LOCK_FILE: &str = include_str!("../../../Cargo.lock");
/// What GoFrame's server is built from.
const GO_MODULES: &str = include_str!("../../goframe/go.mod");

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
