//! Draws results as charts, and writes them as tables, from the file that has the figures, so that none of them can disagree.

mod chart;
mod group;
mod lost_updates;
mod scale;
mod speed;
mod svg;
mod tables;

use anyhow::{Context as _, Result};

use self::chart::Kind;
use crate::{cli::Charts, results::Results, servers::Peer};

/// Draws and writes what was asked for.
pub(crate) fn run(settings: &Charts) -> Result<()> {
    let folder = &settings.to;
    std::fs::create_dir_all(folder).with_context(|| format!("making the folder {}", folder.display()))?;
    for (name, content) in settings.from.iter().flat_map(draw) {
        let path = folder.join(name);
        std::fs::write(&path, content).with_context(|| format!("writing {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

/// The files that these results are drawn into: name and content.
fn draw(results: &Results) -> Vec<(&'static str, String)> {
    match results {
        Results::Speed(speed) => [speed::charts(speed), tables::tables(speed)].concat(),
        Results::Scale(scale) => vec![("scale.svg", scale::chart(scale).draw())],
        Results::Lost(lost) => vec![("lost.svg", lost_updates::chart(lost).draw())],
    }
}

/// What a peer is called beside its bars. Versions stand below them.
fn short_name(peer: Peer) -> &'static str {
    match peer {
        Peer::Bare => "actix-web, bare",
        Peer::BareAxum => "axum, bare",
        Peer::BareGoframe => "GoFrame, bare",
        Peer::RedisAlone => "redis crate, no sessions",
        Peer::GsessionMemory => "gsession, memory",
        Peer::GsessionAxumMemory => "gsession on axum, memory",
        Peer::GsessionFile => "gsession, file",
        Peer::GsessionAxumFile => "gsession on axum, file",
        Peer::GsessionSealedMemory => "gsession sealed, memory",
        Peer::GsessionSealedFile => "gsession sealed, file",
        Peer::GsessionSealedRedis => "gsession sealed, Redis key-value",
        Peer::GsessionSqlite => "gsession, SQLite",
        Peer::GsessionPostgres => "gsession, Postgres",
        Peer::GsessionAxumSqlite => "gsession on axum, SQLite",
        Peer::GsessionAxumPostgres => "gsession on axum, Postgres",
        Peer::GsessionRedis => "gsession, Redis key-value",
        Peer::GsessionRedisHash => "gsession, Redis hash",
        Peer::GsessionAxumRedis => "gsession on axum, Redis key-value",
        Peer::GsessionAxumRedisHash => "gsession on axum, Redis hash",
        Peer::GsessionRedisNear => "gsession, Redis near cache",
        Peer::ActixSessionCookie => "actix-session, cookie",
        Peer::ActixSessionRedis => "actix-session, Redis",
        Peer::TowerSessionsMemory => "tower-sessions, memory",
        Peer::TowerSessionsSqlite => "tower-sessions, SQLite",
        Peer::TowerSessionsPostgres => "tower-sessions, Postgres",
        Peer::TowerSessionsRedis => "tower-sessions, Redis",
        Peer::GoframeMemory => "GoFrame, memory",
        Peer::GoframeFile => "GoFrame, file",
        Peer::GoframeRedis => "GoFrame, Redis key-value",
        Peer::GoframeRedisHash => "GoFrame, Redis hash",
    }
}

fn kind(peer: Peer) -> Kind {
    if peer.is_ours() {
        Kind::Ours
    } else if peer.has_sessions() {
        Kind::Peer
    } else {
        Kind::Baseline
    }
}

/// The packages and their versions, each once, from the names of rows. None is broken between lines.
fn versions<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut packages: Vec<&str> = Vec::new();
    for name in names {
        let package = name.split_once(", ").map_or(name, |(package, _)| package);
        if !packages.contains(&package) {
            packages.push(package);
        }
    }
    let unbroken: Vec<String> = packages.iter().map(|package| package.replace(' ', "\u{a0}")).collect();
    format!("{}.", unbroken.join(", "))
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;
    use crate::results;

    /// What stands beside the charts and tables.
    const COMMITTED: [&str; 3] = ["speed.json", "lost.json", "scale.json"];
    /// Small enough to be part of a page.
    const MOST_BYTES: usize = 30_000;

    #[test]
    fn the_committed_charts_and_tables_are_those_of_the_committed_figures() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../core/src/docs/figures");
        let mut drawn = 0;
        for file in COMMITTED {
            let results = results::read(&format!("{folder}/{file}")).expect("figures that can be drawn");
            for (name, content) in draw(&results) {
                let committed = std::fs::read_to_string(format!("{folder}/{name}")).expect("a chart or a table");
                let redraw = "cargo run --release -p gsession-bench -- charts --from core/src/docs/figures/speed.json \
                              --from core/src/docs/figures/lost.json --from core/src/docs/figures/scale.json \
                              --to core/src/docs/figures";
                assert!(committed == content, "{name} is not what {file} draws: {redraw}");
                assert!(content.len() < MOST_BYTES, "{name} has {} bytes", content.len());
                drawn += 1;
            }
        }
        assert_eq!(drawn, 11);
    }

    #[test]
    fn every_peer_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> =
            Peer::value_variants().iter().map(|peer| short_name(*peer)).collect();
        assert_eq!(names.len(), Peer::value_variants().len());
    }

    #[test]
    fn a_version_stands_once() {
        let names = ["a 1 on b 2, memory", "a 1 on b 2, Redis, with c", "d 3"];
        assert_eq!(versions(names.into_iter()), "a\u{a0}1\u{a0}on\u{a0}b\u{a0}2, d\u{a0}3.");
    }
}
