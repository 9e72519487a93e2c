//! The rules, asked of a schedule that has ended.

use gsession::{
    Delivery, Saved, SessionId, Storage, StoreKey, Timestamp,
    storage::{Access, Lookup, Snapshot},
};

use super::{
    lineage::{Data, Lineage, OWNER, owner},
    programs::{Action, Id, Program, Who},
    requests::Told,
    turnstile::{Step, TIME},
};
use crate::support::survivors;

/// A schedule that has ended.
pub(crate) struct Ended<'a> {
    pub(crate) programs: &'a [Program],
    pub(crate) steps: &'a [Step],
    pub(crate) told: &'a [Told],
    pub(crate) storage: &'a dyn Storage,
    /// What every session has to have become, the one that is there when all begins first.
    pub(crate) lineages: &'a [Lineage],
    /// Every id that was ever issued.
    pub(crate) issued: &'a [SessionId],
    pub(crate) forged: &'a SessionId,
    pub(crate) first: &'a SessionId,
    pub(crate) now: Timestamp,
}

type Verdict = Result<(), String>;

/// What lives under a key.
pub(crate) fn data(storage: &dyn Storage, key: &StoreKey, now: Timestamp) -> Option<Data> {
    let Ok(Lookup::Found(Snapshot { record, .. })) = storage.load(key, &Access::passive(now)) else { return None };
    let mut data: Data = record.entries.iter().map(|(key, json)| (key.to_owned(), json.parse().unwrap())).collect();
    data.extend(record.principal.map(|principal| (OWNER.to_owned(), owner(&principal))));
    Some(data)
}

impl Ended<'_> {
    /// The rule that was broken, and how.
    pub(crate) fn verdict(&self) -> Verdict {
        self.sessions()?;
        self.told.iter().try_for_each(|told| {
            self.acknowledged(told)?;
            Self::privacy(told)
        })?;
        self.s5_of_the_browser()?;
        self.s5_of_a_user()
    }

    /// Every session is what the specification says, under one key; and there is no other.
    fn sessions(&self) -> Verdict {
        for lineage in self.lineages {
            let living: Vec<Data> = lineage.keys.iter().filter_map(|key| data(self.storage, key, self.now)).collect();
            match living.as_slice() {
                [] if lineage.lives(self.now) => {
                    return Err(format!("S3: a session is gone, and nobody has ended it: {:?}", lineage.data));
                }
                [] => {}
                [data, ..] if lineage.is_ended => return Err(format!("S4: a session lives after its end: {data:?}")),
                [data, ..] if lineage.is_expired(self.now) => {
                    return Err(format!("S7: a session lives after its time: {data:?}"));
                }
                [data] if *data == lineage.data => {}
                [data] => return Err(format!("S3: a session holds {data:?} instead of {:?}", lineage.data)),
                _ => return Err(format!("S5: these are successors of one session: {living:?}")),
            }
        }
        let lives = |id: &&SessionId| data(self.storage, &StoreKey::of(id), self.now).is_some();
        if lives(&self.forged) {
            return Err("S6: a session lives under the id that a client made up".to_owned());
        }
        self.count(self.issued.iter().filter(lives).count() as u64)
    }

    /// Nothing lives under whatever other key. Renewals are forgotten then.
    pub(crate) fn no_others(&self) -> Verdict {
        self.count(survivors(self.storage, self.now))
    }

    fn count(&self, all: u64) -> Verdict {
        let known = self.living().count() as u64;
        if all == known { Ok(()) } else { Err(format!("S6: {all} sessions live instead of {known}")) }
    }

    fn living(&self) -> impl Iterator<Item = &Lineage> {
        self.lineages.iter().filter(|lineage| lineage.lives(self.now))
    }

    /// What was acknowledged was done, and what was said to be gone was not.
    fn acknowledged(&self, told: &Told) -> Verdict {
        let (leg, stores) = (&told.leg, told.stores);
        let fails = |what: &str| Err(format!("{what}: request {}, {told:?}", told.request));
        if let Some(broken) = &told.broken {
            return Err(broken.clone());
        }
        let in_time = leg.actions.split(|action| *action == Action::Close).next().unwrap_or_default();
        let destroys = in_time.contains(&Action::Destroy);
        if told.is_gone && told.faults == 0 && stores > 0 && !in_time.contains(&Action::Save) {
            return fails("S3: what was said to be lost is stored");
        }
        let Some(closed) = &told.closed else { return Ok(()) };
        if closed.delivery == Delivery::Withdraw && !destroys {
            return fails("S5: a client that has not logged out was told to forget its id");
        }
        // One that began a session is recorded, and stored with the rest when the request ends.
        if told.updates > stores {
            return fails("S3: updates were acknowledged and not stored");
        }
        if matches!(closed.saved, Saved::Created | Saved::Committed | Saved::Renewed) && stores == 0 {
            return fails("S3: a request was told that it is stored, and it is not");
        }
        // What it did since it was last told.
        let since = in_time.rsplit(|action| matches!(action, Action::Save | Action::Destroy)).next();
        let since = since.unwrap_or_default();
        let logs_in = since.iter().any(|action| matches!(action, Action::Own(_)));
        let writes = logs_in || since.iter().any(|action| matches!(action, Action::Set | Action::SetCommon));
        if logs_in && !matches!(closed.delivery, Delivery::Send { .. }) {
            return fails("S5: a login was acknowledged, and its client has no id");
        }
        let is_lost = matches!(closed.saved, Saved::Gone | Saved::Nothing);
        // What was written to a session that is ended goes with it.
        let may_be_lost = closed.saved == Saved::Gone && !logs_in && !self.lineages[0].lives(self.now);
        let is_told = closed.conflict && !logs_in;
        if closed.conflict && closed.saved != Saved::Gone {
            return fails("S3: what was said to be lost is stored");
        }
        if writes && is_lost && !may_be_lost && !is_told {
            return fails("S3: a request was not told that what it wrote is lost");
        }
        Ok(())
    }

    /// Whoever has only ids that are nobody's, or were renewed, sees nothing of a user without being that user.
    fn privacy(told: &Told) -> Verdict {
        let own = told.leg.user().map(|user| owner(user.principal()));
        let is_others = |seen: &Data| seen.get(OWNER).is_some_and(|seen| Some(*seen) != own);
        let is_secret = |seen: &Data| seen.contains_key("secret") && own != Some(owner(Who::Bob.principal()));
        match told.seen.iter().find(|seen| is_others(seen) || is_secret(seen)) {
            Some(seen) if told.leg.is_strange_to_users() => {
                Err(format!("R3: request {} was shown {seen:?}", told.request))
            }
            _ => Ok(()),
        }
    }

    fn took(&self, operation: &str) -> bool {
        self.steps.iter().any(|step| step.operation == operation)
    }

    /// Whatever order the answers to requests that overlap arrive in, the browser is left with an id that lives.
    fn s5_of_the_browser(&self) -> Verdict {
        let overlap = self.programs.iter().all(|program| {
            matches!(program.legs, [leg] if leg.presents == [Id::First] || leg.presents == [Id::First, Id::Forged])
        });
        let were_answered = self.told.len() == self.programs.len() && self.told.iter().all(|told| !told.failed);
        if !overlap || !were_answered || self.took(TIME) {
            return Ok(());
        }
        let lives = |id: &SessionId| data(self.storage, &StoreKey::of(id), self.now).is_some();
        let is_ended = |id: &SessionId| {
            let key = StoreKey::of(id);
            self.lineages.iter().any(|lineage| lineage.is_ended && lineage.keys.contains(&key))
        };
        let mut sent = self.told.iter().filter_map(|told| match told.delivery() {
            Some(Delivery::Send { id, .. }) => Some(id),
            _ => None,
        });
        if sent.clone().any(|id| !lives(id) && !is_ended(id)) {
            return Err("S5: a client was sent an id that opens nothing".to_owned());
        }
        if sent.next().is_none() && !lives(self.first) && !is_ended(self.first) {
            return Err("S5: the session lives, and no client was sent its id".to_owned());
        }
        Ok(())
    }

    /// Whether all that is told of a user's logins is about one session, so that there can be no second one.
    pub(crate) fn is_one_login(&self) -> bool {
        let legs = || self.programs.iter().flat_map(|program| program.legs);
        let is_adas = legs().all(|leg| !leg.does(Action::Renew) || leg.user() == Some(Who::Ada));
        let ours = legs().all(|leg| {
            let has = |id: Id| leg.presents.contains(&id);
            leg.user().is_none() || has(Id::First) || leg.presents == [Id::Jar]
        });
        is_adas && ours && self.lineages[0].lives(self.now) && !self.took(TIME)
    }

    fn s5_of_a_user(&self) -> Verdict {
        let hers = self.living().filter(|lineage| lineage.is_of(Who::Ada)).count();
        if self.is_one_login() && hers > 1 {
            return Err(format!("S5: {hers} sessions of one user, who has logged in again and again with one id"));
        }
        Ok(())
    }
}
