//! Overlapping requests over real HTTP: updates that get lost, and sessions that come back after a logout.

use std::thread::{self, ScopedJoinHandle};

use anyhow::{Context as _, Result, anyhow};
use clap::ValueEnum as _;

use crate::{
    child::{Mode, Server},
    cli::Lost,
    client::{Jar, Tab, log_in},
    machine::Machine,
    programs::Programs,
    report,
    results::{self, Outcome, Results},
    servers::{KEYS, Peer, SLOW, key},
    versions,
};

/// How often the overlapping writes are repeated, each time with a session of its own.
const ROUNDS: usize = 3;
/// How many slow requests straddle a logout, each in a session of its own.
const LOGOUTS: usize = 20;

/// Examines the peers and prints what was found.
pub(crate) fn run(settings: &Lost) -> Result<()> {
    let chosen = |peer: &&Peer| settings.peers.is_empty() || settings.peers.contains(peer);
    for database in Peer::value_variants().iter().filter(chosen).filter_map(|peer| peer.database()) {
        database.look_for()?;
    }
    let programs = Programs::for_peers(&settings.peers)?;
    let mut outcomes = Vec::new();
    for &peer in
        Peer::value_variants().iter().filter(chosen).filter(|peer| peer.has_sessions() && programs.can_serve(**peer))
    {
        eprintln!("overlap: {}", peer.name());
        outcomes.push(examine(&programs, peer).with_context(|| format!("examining {}", peer.name()))?);
    }
    if settings.json {
        let (command, machine) = (results::command(), Machine::this().with_go(programs.go_version()));
        return report::json(&Results::Lost(results::Lost {
            command,
            machine,
            updates: ROUNDS * KEYS,
            logouts: LOGOUTS,
            rows: outcomes,
        }));
    }
    let head = ["", "lost updates", "logged in again after a logout", "the old cookie still works"];
    let row = |outcome: &Outcome| {
        vec![
            outcome.name.clone(),
            format!("{} of {}", outcome.lost_updates, ROUNDS * KEYS),
            format!("{} of {LOGOUTS}", outcome.back_in_browser),
            format!("{} of {LOGOUTS}", outcome.old_cookie_works),
        ]
    };
    report::table(&head, &outcomes.iter().map(row).collect::<Vec<_>>());
    println!(
        "\nLost updates: {ROUNDS} rounds of {KEYS} overlapping requests, each of which reads the session, waits {} ms \
         and writes a key of its own. Logged in again: {LOGOUTS} such requests, each overlapped by a logout that is \
         answered first.",
        SLOW.as_millis()
    );
    Ok(())
}

fn examine(programs: &Programs, peer: Peer) -> Result<Outcome> {
    let server = Server::start(programs, peer, Mode::Plain)?;
    let mut lost_updates = 0;
    for _ in 0..ROUNDS {
        lost_updates += overlapping_writes(&server)?;
    }
    let mut outcome =
        Outcome { peer, name: versions::describe(peer), lost_updates, back_in_browser: 0, old_cookie_works: 0 };
    for _ in 0..LOGOUTS {
        let (back, works) = straddled_logout(&server)?;
        outcome.back_in_browser += usize::from(back);
        outcome.old_cookie_works += usize::from(works);
    }
    server.finish()?;
    Ok(outcome)
}

/// One browser writes all keys at once; answers how many of them are missing afterwards.
fn overlapping_writes(server: &Server) -> Result<usize> {
    let jar = Jar::with(&log_in(server.address())?);
    // Connected beforehand, so that the requests leave together.
    let tabs = (0..KEYS).map(|_| Tab::open(server.address(), &jar)).collect::<Result<Vec<_>>>()?;
    thread::scope(|scope| {
        let write = |(index, mut tab): (usize, Tab)| scope.spawn(move || tab.get(&format!("/slow?key={}", key(index))));
        let writers: Vec<_> = tabs.into_iter().enumerate().map(write).collect();
        writers.into_iter().try_for_each(finished)
    })?;
    let found: usize = Tab::open(server.address(), &jar)?.get("/keys")?.parse().context("the number of keys")?;
    KEYS.checked_sub(found).context("more keys than were written")
}

/// A slow write starts, a logout overtakes it, the write ends. Answers whether the browser is logged in again then, and
/// whether the cookie from before still works.
fn straddled_logout(server: &Server) -> Result<(bool, bool)> {
    let before = log_in(server.address())?;
    let jar = Jar::with(&before);
    let (mut slow, mut quick) = (Tab::open(server.address(), &jar)?, Tab::open(server.address(), &jar)?);
    thread::scope(|scope| {
        let write = scope.spawn(move || slow.get(&format!("/slow?key={}", key(0))));
        thread::sleep(SLOW / 2);
        quick.get("/logout")?;
        // A peer may refuse to write to a session that has ended.
        write.join().map_err(|_| anyhow!("a request panicked")).map(drop)
    })?;
    let logged_in = |jar| Ok::<_, anyhow::Error>(!Tab::open(server.address(), jar)?.get("/whoami")?.is_empty());
    Ok((logged_in(&jar)?, logged_in(&Jar::with(&before))?))
}

fn finished(request: ScopedJoinHandle<'_, Result<String>>) -> Result<()> {
    request.join().map_err(|_| anyhow!("a request panicked"))?.map(drop)
}
