//! Whole requests through a manager, overlapping in different orders.

use std::sync::Barrier;

use serde_json::json;

use crate::{
    ClientInfo, Closed, ConfigError, Delivery, Error, Exchange, Manager, Saved, Session, SessionId, StoreKey,
    conformance::{
        Ability,
        fixture::Fixture,
        verdict::{Flaw, Verdict, must, must_be},
    },
};

impl From<ConfigError> for Flaw {
    fn from(error: ConfigError) -> Self {
        Self::seen(error.to_string())
    }
}

struct World<'a> {
    fixture: &'a Fixture,
    manager: Manager,
}

impl<'a> World<'a> {
    fn new(fixture: &'a Fixture) -> Verdict<Self> {
        Ok(Self { fixture, manager: fixture.manager().0.build()? })
    }

    fn request(&self, id: &SessionId) -> Exchange<Session> {
        self.manager.begin(Some(id.as_str()), ClientInfo::default)
    }

    fn login(&self) -> Verdict<SessionId> {
        let session = self.manager.begin(None, ClientInfo::default);
        session.set("user", "ada")?;
        session.set("n", &0)?;
        sent(&session.close()?)
    }

    /// A request that has read the session, which must exist.
    fn reading(&self, id: &SessionId) -> Verdict<Exchange<Session>> {
        let session = self.request(id);
        must!(session.contains_key("user")?, "a session that must exist does not");
        Ok(session)
    }

    fn opens(&self, id: &SessionId) -> Verdict<bool> {
        let key = self.fixture.storage.key_scheme().key_of(id);
        Ok(self.fixture.found(&key, self.fixture.start)?.is_some())
    }

    fn must_be_empty(&self) -> Verdict {
        let living = self.fixture.survivors(self.fixture.start)?;
        must!(living.is_none_or(|living| living == 0), "{living:?} sessions are alive after the logout");
        Ok(())
    }
}

fn sent(closed: &Closed) -> Verdict<SessionId> {
    match &closed.delivery {
        Delivery::Send { id, .. } => Ok(id.clone()),
        other => Err(Flaw::seen(format!("a client that needs an id got {other:?}"))),
    }
}

/// Calls `run` for each number, all at the same time.
fn together<T: Send>(count: usize, run: impl Fn(usize) -> Result<T, Error> + Sync) -> Verdict<Vec<T>> {
    let start = Barrier::new(count);
    let (run, start) = (&run, &start);
    std::thread::scope(|scope| {
        let begin = |number| {
            scope.spawn(move || {
                start.wait();
                run(number)
            })
        };
        let threads: Vec<_> = (0..count).map(begin).collect();
        let ended = threads.into_iter().map(|thread| thread.join().map_err(|panic| Flaw::panicked(&*panic)));
        ended.map(|ended| ended?.map_err(Flaw::from)).collect()
    })
}

pub(super) fn forty_overlapping_requests_lose_nothing(fixture: &Fixture) -> Verdict {
    const REQUESTS: usize = 40;
    let world = World::new(fixture)?;
    let id = world.login()?;
    let sessions = (0..REQUESTS).map(|_| world.reading(&id)).collect::<Verdict<Vec<_>>>()?;
    let closed = together(REQUESTS, |number| {
        sessions[number].set(&format!("key-{number}"), &number)?;
        sessions[number].close()
    })?;
    must!(closed.iter().all(|closed| closed.saved == Saved::Committed), "not every write was stored: {closed:?}");
    let data = world.request(&id).data()?;
    let missing: Vec<_> = (0..REQUESTS).filter(|n| data.get(&format!("key-{n}")) != Some(&json!(n))).collect();
    must!(missing.is_empty(), "of {REQUESTS} acknowledged writes {} are missing: {missing:?}", missing.len());
    Ok(())
}

pub(super) fn a_hundred_overlapping_increments_add_a_hundred(fixture: &Fixture) -> Verdict {
    const THREADS: usize = 10;
    let world = World::new(fixture)?;
    let id = world.login()?;
    // All of them have read the first value.
    let sessions = (0..10 * THREADS).map(|_| world.request(&id)).collect::<Vec<_>>();
    for session in &sessions {
        must_be!(session.get::<u32>("n")?, Some(0), "the counter before");
    }
    together(THREADS, |number| {
        for session in sessions.iter().skip(number).step_by(THREADS) {
            session.update("n", |n: Option<u32>| n.unwrap_or(0) + 1)?;
            session.close()?;
        }
        Ok(())
    })?;
    must_be!(world.request(&id).get::<u32>("n")?, Some(100), "the counter after a hundred acknowledged increments");
    Ok(())
}

pub(super) fn a_logout_is_final(fixture: &Fixture) -> Verdict {
    let world = World::new(fixture)?;
    let id = world.login()?;
    let [writer, toucher, renewer, saver] =
        [world.reading(&id)?, world.reading(&id)?, world.reading(&id)?, world.reading(&id)?];
    writer.set("draft", "text")?;
    renewer.set("role", "admin")?;
    if fixture.can(Ability::Renewing) {
        renewer.renew()?;
    }
    saver.set("basket", "full")?;
    let logout = world.request(&id);
    logout.destroy();
    must_be!(logout.close()?.saved, Saved::Destroyed, "a logout");
    must_be!(saver.save()?, Saved::Gone, "a save after the logout");
    saver.set("basket", "again")?;
    for session in [&writer, &toucher, &renewer, &saver] {
        let closed = match session.close() {
            // A renewal that loses its changes must be an error.
            Err(Error::Gone) => continue,
            closed => closed?,
        };
        must!(
            matches!(closed.saved, Saved::Gone | Saved::Nothing),
            "a request that ended after the logout: {closed:?}"
        );
        must!(!matches!(closed.delivery, Delivery::Send { .. }), "it gave the client an id: {closed:?}");
    }
    must!(!world.opens(&id)?, "the id from before the logout opens the session");
    world.must_be_empty()
}

pub(super) fn a_logout_follows_renewals(fixture: &Fixture) -> Verdict {
    let world = World::new(fixture)?;
    let id = world.login()?;
    let logout = world.reading(&id)?;
    let mut ids = vec![id];
    for _ in 0..3 {
        let session = world.reading(&ids[ids.len() - 1])?;
        session.renew()?;
        ids.push(sent(&session.close()?)?);
    }
    logout.destroy();
    must_be!(logout.close()?.saved, Saved::Destroyed, "a logout under the first id");
    for id in &ids {
        must!(!world.opens(id)?, "one of the ids still opens the session");
    }
    world.must_be_empty()
}

pub(super) fn overlapping_renewals_leave_one_living_id(fixture: &Fixture) -> Verdict {
    const REQUESTS: usize = 8;
    let world = World::new(fixture)?;
    let id = world.login()?;
    let sessions = (0..REQUESTS).map(|_| world.reading(&id)).collect::<Verdict<Vec<_>>>()?;
    let closed = together(REQUESTS, |number| {
        sessions[number].renew()?;
        sessions[number].close()
    })?;
    let (won, lost): (Vec<_>, Vec<_>) = closed.into_iter().partition(|closed| closed.saved == Saved::Renewed);
    must!(won.len() == 1, "{} of {REQUESTS} renewals of one id have won", won.len());
    for closed in &lost {
        let quiet = closed.saved == Saved::Gone && closed.delivery == Delivery::Keep;
        must!(quiet, "a renewal that lost sends the client something: {closed:?}");
    }
    must!(!world.opens(&id)?, "the old id still opens the session");
    must!(world.opens(&sent(&won[0])?)?, "the new id opens nothing");
    must!(fixture.survivors(fixture.start)?.is_none_or(|living| living == 1), "there is more than one session");
    Ok(())
}

pub(super) fn an_id_that_was_never_issued_is_not_adopted(fixture: &Fixture) -> Verdict {
    let world = World::new(fixture)?;
    let forged = SessionId::from_random([7; 32]);
    let session = world.request(&forged);
    session.set("user", "ada")?;
    let closed = session.close()?;
    must_be!(closed.saved, Saved::Created, "a write under an id that was never issued");
    must!(sent(&closed)? != forged, "the session began under the id that the client sent");
    must!(
        fixture.found(&StoreKey::of(&forged), fixture.start)?.is_none(),
        "there is a session under the id that the client sent"
    );
    Ok(())
}
