//! One schedule after the other.

use std::{cell::RefCell, fmt, rc::Rc, sync::Arc, time::Duration};

use gsession::{
    AsyncManager, ClientInfo, Clock as _, Delivery, Manager, ManualClock, SessionId, Storage, StoreKey, Timestamp,
};

use super::{
    afterwards,
    explorer::{self, Choices, Request},
    judge::Ended,
    lineage::{Lineage, bobs, first},
    programs::{Action, Id, Program, Who},
    requests::World,
    stepping::Stepping,
    turnstile::{Step, TIME, Turnstile},
};
use crate::support::{IDLE, NOW, RememberedIds, record};

/// A schedule that breaks a rule.
pub(crate) struct Violation {
    pub(crate) rule: String,
    pub(crate) schedule: Vec<usize>,
    pub(crate) programs: Vec<Program>,
    steps: Vec<Step>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |items: &[String]| items.join(",");
        let names: Vec<_> = self.programs.iter().map(Program::to_string).collect();
        let choices: Vec<_> = self.schedule.iter().map(usize::to_string).collect();
        writeln!(f, "{}", self.rule)?;
        self.steps.iter().try_for_each(|step| writeln!(f, "  {step} ({})", self.programs[step.request]))?;
        write!(f, "again: GSESSION_INTERLEAVING=\"{}:{}\"", list(&names), list(&choices))
    }
}

/// Bob's session, which he has renewed before all begins: its ids and what is to become of it.
fn renewed(manager: &Manager, now: Timestamp) -> ([SessionId; 2], Lineage) {
    let session = manager.begin(None, ClientInfo::default);
    session.set("secret", &9).and_then(|()| session.set_principal(Who::Bob.principal())).unwrap();
    let Delivery::Send { id: old, .. } = session.close().unwrap().delivery else { panic!("a session has an id") };
    let session = manager.begin(Some(old.as_str()), ClientInfo::default);
    session.renew().unwrap();
    let Delivery::Send { id: new, .. } = session.close().unwrap().delivery else { panic!("a session has an id") };
    let mut lineage = Lineage::new(StoreKey::of(&old), bobs(), now);
    lineage.keys.push(StoreKey::of(&new));
    ([old, new], lineage)
}

/// Runs one schedule.
pub(crate) fn schedule<S: Storage + 'static>(
    storage: &Arc<S>,
    programs: &[Program],
    faults: usize,
    choices: &mut Choices,
) -> Result<(), Violation> {
    let (clock, ids) = (ManualClock::new(NOW), RememberedIds::default());
    let afterwards = Manager::builder(Arc::clone(storage) as Arc<dyn Storage>).clock(clock.clone()).idle_timeout(IDLE);
    let afterwards = afterwards.id_generator(ids.clone()).build().unwrap();
    let [first_id, forged] = [1, 2].map(|byte| SessionId::from_random([byte; 32]));
    storage.create(&StoreKey::of(&first_id), &record(&[("n", "0"), ("user", "7")]), NOW).unwrap();
    let mut lineages = vec![Lineage::new(StoreKey::of(&first_id), first(), NOW)];
    let mut world_ids = vec![(Id::First, first_id.clone()), (Id::Forged, forged.clone())];
    let legs = || programs.iter().flat_map(|program| program.legs);
    if legs().any(|leg| leg.presents.iter().any(|id| matches!(id, Id::Old | Id::Bobs))) {
        let ([old, new], lineage) = renewed(&afterwards, NOW);
        world_ids.extend([(Id::Old, old), (Id::Bobs, new)]);
        lineages.push(lineage);
    }
    clock.advance(Duration::from_millis(1));

    let turnstile = Turnstile::new(programs.len(), clock.clone(), lineages);
    let stepping = Stepping { storage: Arc::clone(storage), turnstile: turnstile.clone() };
    let manager = AsyncManager::builder(stepping).clock(clock.clone()).idle_timeout(IDLE);
    let world = World {
        manager: manager.id_generator(ids.clone()).build().unwrap(),
        turnstile: turnstile.clone(),
        ids: world_ids,
        jar: Rc::new(RefCell::new(Some(first_id.clone()))),
        told: Rc::default(),
    };
    let requests = programs.iter().enumerate().map(|(number, &program)| -> Request {
        if program.does(Action::PassTime) {
            let (turnstile, clock) = (turnstile.clone(), clock.clone());
            return Box::pin(async move {
                turnstile.step(TIME).await;
                clock.advance(IDLE);
            });
        }
        if program.does(Action::Expel) {
            let (turnstile, manager) = (turnstile.clone(), world.manager.clone());
            return Box::pin(async move {
                turnstile.step("expel").await;
                let hers = turnstile.living_of(Who::Ada);
                if manager.destroy_all_of(Who::Ada.principal(), None).await.is_ok() {
                    turnstile.has_expelled(number, &hers);
                }
            });
        }
        Box::pin(world.clone().carry_out(program, number))
    });
    explorer::run(&turnstile, requests.collect(), faults, choices);

    let (steps, told) = (turnstile.steps(), world.told.take());
    let ended = Ended {
        programs,
        steps: &steps,
        told: &told,
        storage: &**storage,
        lineages: &turnstile.lineages(),
        issued: &[ids.all(), vec![first_id.clone()]].concat(),
        forged: &forged,
        first: &first_id,
        now: clock.now(),
    };
    let verdict = turnstile.broken().map_or(Ok(()), Err).and_then(|()| ended.verdict()).and_then(|()| {
        if !legs().any(|leg| leg.user().is_some()) {
            // This forgets renewals, too.
            return ended.no_others();
        }
        let jars = afterwards::jars(&ended);
        let jar = &jars[choices.choose(jars.len())];
        afterwards::log_in_and_out(&ended, &afterwards, jar)
    });
    verdict.map_err(|rule| Violation { rule, schedule: choices.made(), programs: programs.to_vec(), steps })
}

/// Runs every schedule, with at most so many faults in each. Gives back how many there are.
pub(crate) fn explore<S: Storage + 'static>(
    make: impl Fn() -> S,
    programs: &[Program],
    faults: usize,
) -> Result<u64, Violation> {
    let (mut choices, mut count) = (Choices::default(), 0);
    loop {
        schedule(&Arc::new(make()), programs, faults, &mut choices)?;
        count += 1;
        if !choices.next() {
            return Ok(count);
        }
    }
}
