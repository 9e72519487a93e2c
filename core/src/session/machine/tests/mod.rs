//! What a session does, row by row of its tables, without a storage or a runtime.

mod end_of_request;
mod overtaken;
mod presented;

use std::{sync::Arc, time::Duration};

use super::{Loaded, Machine, Progress, Step, Update};
use crate::{
    ClientInfo, Clock, Delivery, Entries, Error, HashedIds, Limits, ManualClock, Record, Saved, SessionId, StoreKey,
    Timestamp,
    id::{Keys, SealedId},
    observe::EndReason,
    record::encode,
    session::{Config, Lifetime, Rotation},
    storage::{Committed, Created, Lookup, Moved, Removed, Snapshot, Tombstone, Touched},
};

const T0: Timestamp = Timestamp::from_millis(1_000_000_000);
const IDLE: Duration = Duration::from_secs(600);

fn config() -> Config {
    let lifetime = Lifetime { idle_timeout: IDLE, absolute: None, touch_interval: Duration::from_secs(30) };
    Config {
        lifetime,
        limits: Limits::default(),
        ids: Arc::new(HashedIds::new()),
        clock: Arc::new(ManualClock::new(T0)),
        keys: Keys::default(),
        rotation: Rotation::default(),
        session_limit: None,
        #[cfg(feature = "import")]
        takes_over: false,
    }
}

fn old_id() -> SessionId {
    SessionId::from_random([1; 32])
}

/// A machine, the steps it asked for, and the answers it got.
struct Request {
    machine: Machine,
    config: Config,
    clock: ManualClock,
    asked: Vec<&'static str>,
    conflict: bool,
}

impl Request {
    fn presenting(id: Option<SessionId>) -> Self {
        Self::begun_at(T0, id)
    }

    fn begun_at(now: Timestamp, id: Option<SessionId>) -> Self {
        let machine = Machine::new(id, Vec::new(), false, ClientInfo::default(), now);
        let clock = ManualClock::new(now);
        let config = Config { clock: Arc::new(clock.clone()), ..config() };
        Self { machine, config, clock, asked: Vec::new(), conflict: false }
    }

    fn malformed() -> Self {
        Self { machine: Machine::new(None, Vec::new(), true, ClientInfo::default(), T0), ..Self::presenting(None) }
    }

    fn presenting_all(ids: impl Into<Vec<SessionId>>) -> Self {
        let mut others = ids.into();
        let first = others.remove(0);
        let machine = Machine::new(Some(first), others, false, ClientInfo::default(), T0);
        Self { machine, ..Self::presenting(None) }
    }

    /// Reads an entry. If the storage is asked, it answers `lookup`.
    fn read(&mut self, lookup: Lookup) {
        if let Some(need) = self.machine.want(Some(&["user"]), &self.config).unwrap() {
            self.asked.push("load");
            let loaded = self.machine.loaded(lookup, Some(&["user"]), &need, &self.config);
            assert!(!matches!(loaded, Loaded::Suspicious(_)));
        }
    }

    fn write(&mut self) {
        self.machine.set("seen", &encode(&1).unwrap(), &self.config).unwrap();
    }

    /// What a login does.
    fn log_in(&mut self, principal: &str) {
        self.machine.renew().unwrap();
        self.write();
        self.machine.set_principal(Some(principal.into()), &self.config).unwrap();
    }

    fn destroy(&mut self) {
        self.machine.destroy(EndReason::LoggedOut, &self.config);
    }

    /// Ends the request. The storage answers the steps with `replies`, in order.
    fn close(&mut self, replies: impl IntoIterator<Item = Reply>) -> (Saved, Delivery) {
        let saved = self.try_close(replies).unwrap();
        (saved, self.machine.delivery())
    }

    /// Like [`close`](Self::close), but expects an error.
    fn fail_to_close(&mut self, replies: impl IntoIterator<Item = Reply>) -> (Error, Delivery) {
        let error = self.try_close(replies).unwrap_err();
        (error, self.machine.delivery())
    }

    /// Saves in the middle of the request.
    fn save(&mut self, replies: impl IntoIterator<Item = Reply>) -> Saved {
        self.drive(Progress::saving(), replies).unwrap().saved()
    }

    fn try_close(&mut self, replies: impl IntoIterator<Item = Reply>) -> Result<Saved, Error> {
        let progress = self.drive(Progress::closing(), replies)?;
        self.conflict = progress.conflict();
        Ok(progress.saved())
    }

    fn drive(&mut self, mut progress: Progress, replies: impl IntoIterator<Item = Reply>) -> Result<Progress, Error> {
        let mut replies = replies.into_iter();
        while let Some(step) = self.machine.next(&mut progress, &self.config)? {
            self.asked.push(match &step {
                Step::Remove(_) => "remove",
                Step::Create(_) => "create",
                Step::Commit(_) => "commit",
                Step::Move(_) => "move",
                Step::Touch(..) => "touch",
                Step::LookForOwn(_) => "look",
                Step::Follow(_) => "tombstone",
                Step::Recognise(_) => "whose",
                Step::CheckId(_) => "check",
                Step::Rotate(_) => "rotate",
                Step::Confirm(_) => "confirm",
            });
            let reply = replies.next().expect("one step too many");
            self.answer(&step, reply, &mut progress)?;
        }
        assert!(replies.next().is_none(), "a step is missing");
        Ok(progress)
    }
}

/// The storage's answer to a step.
#[derive(Debug)]
enum Reply {
    Removed(Removed),
    Created(Created),
    Committed(Committed),
    Moved(Moved),
    Touched(Touched),
    Looked(Lookup),
    Followed(Option<Tombstone>),
}

impl Request {
    fn answer(&mut self, step: &Step, reply: Reply, progress: &mut Progress) -> Result<(), Error> {
        let (machine, config) = (&mut self.machine, &self.config);
        match (step, reply) {
            (Step::Remove(key), Reply::Removed(removed)) => {
                let _ = machine.removed(*key, removed, progress)?;
            }
            (Step::Create(step), Reply::Created(created)) => machine.created(step, created, progress)?,
            (Step::Commit(step), Reply::Committed(committed)) => {
                let _ = machine.committed(step, committed, progress, config);
            }
            (Step::Move(step), Reply::Moved(moved)) => {
                let _ = machine.moved(step, moved, progress, config);
            }
            (Step::Touch(_, access), Reply::Touched(touched)) => machine.touched(access, touched),
            (Step::LookForOwn(step), Reply::Looked(lookup)) => {
                machine.looked(step, lookup, progress);
            }
            (Step::Follow(step), Reply::Followed(tombstone)) => machine.followed(step, tombstone, config),
            (Step::Recognise(step), Reply::Looked(lookup)) => machine.recognised(step, lookup, config),
            (step, reply) => panic!("{reply:?} does not answer {step:?}"),
        }
        Ok(())
    }
}

fn stored(last_seen: Timestamp) -> Lookup {
    let mut record = Record::new(last_seen, IDLE, None);
    record.entries = Entries::pack([("user", "\"ada\"")]).unwrap();
    Lookup::Found(Snapshot::complete(record))
}

fn created() -> Reply {
    Reply::Created(Created::Done)
}

fn committed() -> Reply {
    Reply::Committed(Committed::Done { expires_at: T0 + IDLE, is_remembered: false, revision: 0 })
}

fn sends_fresh_id(delivery: &Delivery) -> bool {
    matches!(delivery, Delivery::Send { id, expires_at, is_remembered: false } if *id != old_id() && *expires_at == T0 + IDLE)
}

fn other_id() -> SessionId {
    SessionId::from_random([2; 32])
}

/// A session of this principal.
fn stored_of(principal: &str) -> Lookup {
    let mut record = Record::new(T0, IDLE, None);
    record.principal = Some(principal.into());
    Lookup::Found(Snapshot::complete(record))
}

/// The tombstone of a renewal of `old` to `new`.
fn tombstone(old: &SessionId, new: &SessionId) -> Reply {
    let to = StoreKey::of(new);
    Reply::Followed(Some(Tombstone::new(to, T0, SealedId::seal(new, &to, old))))
}
