//! The second hand: kills, freezes and fails over what the browsers depend on.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{
    backend::Backend,
    client::Tab,
    ledger::{Ledger, Violation},
    world::World,
};

/// How long after a failover that nobody asked for somebody may go on with the old primary: a second until the Sentinels are
/// asked again, and a request.
const HEARD_OF: Duration = Duration::from_secs(2);

/// Looks for failovers that the second hand has not made, and judges what is suspected when all are known.
pub(crate) struct Watch {
    looked: Instant,
    latest_failover: u64,
}

impl Watch {
    /// Nothing that has happened so far is looked for.
    pub(crate) fn since(latest_failover: u64) -> Self {
        Self { looked: Instant::now(), latest_failover }
    }

    pub(crate) fn look(&mut self, ledger: &Ledger, backend: &Backend) {
        let (suspicions, now) = (ledger.suspicions(), Instant::now());
        // Who knows of the latest one may not answer just now.
        let latest_failover = backend.latest_failover().max(self.latest_failover);
        if latest_failover > self.latest_failover {
            ledger.add_failover(self.looked, Instant::now() + HEARD_OF);
        }
        *self = Self { looked: now, latest_failover };
        ledger.judge(suspicions);
    }
}

/// Does no harm, and only watches, until the time is over.
pub(crate) fn stand_by(world: &World, backend: &Backend, watch: &mut Watch) {
    while pause(world, Duration::from_millis(500)) {
        watch.look(&world.ledger, backend);
    }
}

/// Does harm until the time is over; then everything runs again.
pub(crate) fn harm(world: &World, backend: &mut Backend, watch: &mut Watch, mut random: fastrand::Rng) -> Result<()> {
    loop {
        watch.look(&world.ledger, backend);
        if !pause(world, Duration::from_millis(random.u64(200..1200))) {
            return Ok(());
        }
        world.ledger.begin_harm();
        match (&mut *backend, random.u8(..10)) {
            (Backend::Redis(server), 0..3) => {
                server.kill();
                world.ledger.mark("Redis was killed");
                thread::sleep(Duration::from_millis(random.u64(..300)));
                server.start_again();
                world.ledger.mark("Redis was started again");
            }
            (Backend::Redis(server), 3..5) => {
                server.freeze();
                world.ledger.mark("Redis was frozen");
                thread::sleep(Duration::from_millis(random.u64(50..800)));
                server.thaw();
                world.ledger.mark("Redis was thawed");
            }
            (Backend::Postgres(server), 0..3) => {
                server.kill();
                world.ledger.mark("Postgres was killed");
                thread::sleep(Duration::from_millis(random.u64(..300)));
                server.start_again();
                world.ledger.mark("Postgres was started again");
            }
            (Backend::Postgres(server), 3..5) => {
                server.freeze();
                world.ledger.mark("Postgres was frozen");
                thread::sleep(Duration::from_millis(random.u64(50..800)));
                server.thaw();
                world.ledger.mark("Postgres was thawed");
            }
            (Backend::Sentinels(sentinels), 0..5) => {
                world.ledger.begin_failover();
                let killed = sentinels.kill_primary();
                world.ledger.mark("the primary was killed");
                sentinels.wait_for_failover(killed);
                // This one was asked for.
                *watch = Watch::since(sentinels.latest_failover());
                world.ledger.end_failover();
                world.ledger.mark("another primary took over");
                sentinels.servers[killed].start_again();
                world.ledger.mark("the old primary was started again");
                // The next one must be able to take over.
                sentinels.wait_until_settled();
                world.ledger.mark("the Sentinels had settled");
            }
            (Backend::Cluster(cluster), 0..5) => {
                let primaries = cluster.primaries();
                let killed = primaries[random.usize(..primaries.len())];
                world.ledger.begin_failover();
                cluster.fail_over(killed);
                *watch = Watch::since(cluster.latest_failover());
                world.ledger.end_failover();
                world.ledger.mark("a replica took over from a primary that was killed");
                cluster.nodes[killed].start_again();
                world.ledger.mark("the old primary was started again");
                cluster.wait_until_settled();
                world.ledger.mark("the cluster had settled");
            }
            _ => {
                world.ledger.mark("a service was killed");
                world.fleet.kill_and_restart(random.usize(..world.fleet.size()))?;
                world.ledger.mark("a service was started again");
            }
        }
        world.ledger.end_harm();
    }
}

/// Looks again at sessions that have ended, until the time is over.
pub(crate) fn haunt(world: &World, mut random: fastrand::Rng) {
    let mut tab = Tab::default();
    while pause(world, Duration::from_millis(25)) {
        if let Some(dead) = world.ledger.some_dead(&mut random) {
            look(world, &mut tab, &dead);
        }
    }
}

/// Whether a session that has ended is still gone.
pub(crate) fn look(world: &World, tab: &mut Tab, dead: &crate::ledger::Dead) {
    if world.opens(tab, dead.scope, &dead.cookie).is_some() {
        world.ledger.forget(&dead.user);
        let words = || format!("the session of {} has come back", dead.user);
        world.ledger.suspect(Violation::DeadAlive, 1, dead.since, words);
    }
}

/// Waits, and says whether there is time left.
fn pause(world: &World, time: Duration) -> bool {
    thread::sleep(time);
    !world.is_over()
}
