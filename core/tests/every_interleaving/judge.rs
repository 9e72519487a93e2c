//! The rules, asked of a schedule that has ended.

use gsession::{Delivery, Saved, SessionId, Storage, StoreKey, Timestamp};

use crate::{
    expected::Data,
    explorer::{Step, TIME},
    programs::{Action, Program, Told},
    support::{found, survivors},
};

/// A schedule that has ended.
pub(crate) struct Ended<'a> {
    pub(crate) programs: &'a [Program],
    pub(crate) steps: &'a [Step],
    /// In the order in which the requests ended.
    pub(crate) told: &'a [(usize, Told)],
    pub(crate) storage: &'a dyn Storage,
    /// Every id that was ever issued, the first one first.
    pub(crate) ids: &'a [SessionId],
    pub(crate) forged: &'a SessionId,
    pub(crate) now: Timestamp,
    /// What the session that they all began with has become, if nobody has ended it.
    pub(crate) expected: &'a Data,
}

impl Ended<'_> {
    /// Those ids under which a session lives, with its data.
    fn living(&self) -> Vec<(&SessionId, Data)> {
        let data = |id| {
            let snapshot = found(self.storage, &StoreKey::of(id), self.now)?;
            let entries = snapshot.record.entries;
            Some(entries.iter().map(|(key, json)| (key.to_owned(), json.parse().unwrap())).collect())
        };
        self.ids.iter().filter_map(|id| Some((id, data(id)?))).collect()
    }

    fn took(&self, operation: &str) -> bool {
        self.steps.iter().any(|step| step.operation == operation)
    }

    /// The rule that was broken, and how.
    pub(crate) fn verdict(&self) -> Result<(), String> {
        let living = self.living();
        // Whoever cleared it has taken the mark of the first session away, but only from what is one of its successors.
        let is_fresh = |data: &Data| !data.contains_key("user");
        let cleared = self.programs.iter().any(|program| program.does(Action::Clear));
        let successors: Vec<_> = living.iter().filter(|(_, data)| !is_fresh(data) || *data == *self.expected).collect();
        self.s6(&living)?;
        let destroyed = self
            .told
            .iter()
            .any(|(number, told)| self.programs[*number].does(Action::Destroy) && told.closed.is_some());
        let marked = living.iter().filter(|(_, data)| !is_fresh(data)).count();
        if destroyed && marked > 0 {
            return Err(format!("S4: a session lives after its logout was acknowledged: {living:?}"));
        }
        if self.took(TIME) {
            return if marked == 0 { Ok(()) } else { Err(format!("S7: a session lives after its time: {living:?}")) };
        }
        if marked > 1 {
            return Err(format!("S5: {marked} sessions are successors of one: {living:?}"));
        }
        let ended = self.steps.iter().any(|step| step.operation == "remove");
        if !ended && successors.is_empty() {
            return Err("S3: the session is gone, and nobody has ended it".to_owned());
        }
        if !ended && !cleared {
            let [(_, data)] = successors.as_slice() else {
                return Err(format!("S5: these are successors of one session: {living:?}"));
            };
            if data != self.expected {
                return Err(format!("S3: the session holds {data:?} instead of {:?}", self.expected));
            }
        }
        if !ended && cleared && successors.iter().all(|(_, data)| data != self.expected) {
            return Err(format!("S3: no session holds {:?}: {living:?}", self.expected));
        }
        self.acknowledged()?;
        if !ended { self.s5_of_the_browser(&living) } else { Ok(()) }
    }

    /// Nothing lives under an id that was not issued.
    fn s6(&self, living: &[(&SessionId, Data)]) -> Result<(), String> {
        let all = survivors(self.storage, self.now);
        if all != living.len() as u64 {
            return Err(format!("S6: {all} sessions live, {} of them under ids that were issued", living.len()));
        }
        if found(self.storage, &StoreKey::of(self.forged), self.now).is_some() {
            return Err("S6: a session lives under the id that a client made up".to_owned());
        }
        Ok(())
    }

    /// What was acknowledged was done, and what was said to be gone was not.
    fn acknowledged(&self) -> Result<(), String> {
        for (number, told) in self.told {
            let changed = |operations: &[&str]| {
                let of_it = self.steps.iter().filter(|step| step.request == *number && step.changed);
                of_it.filter(|step| operations.contains(&step.operation)).count() as u64
            };
            let stores = changed(&["commit", "move", "create"]);
            // One that began a session is recorded, and stored with the rest when the request ends.
            if told.closed.is_some() && told.updates > stores {
                return Err(format!(
                    "S3: {} updates of request {number} were acknowledged and not stored",
                    told.updates
                ));
            }
            match told.closed.as_ref().map(|closed| closed.saved) {
                Some(Saved::Created | Saved::Committed | Saved::Renewed) if stores == 0 => {
                    return Err(format!("S3: request {number} was told that it is stored, and it is not"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The browser obeys the answers in the order in which they were made.
    fn s5_of_the_browser(&self, living: &[(&SessionId, Data)]) -> Result<(), String> {
        let all_were_answered =
            self.told.len() == self.programs.len() && self.told.iter().all(|(_, told)| !told.failed);
        let only_ours = !self.programs.iter().any(|program| program.is_forged);
        if !all_were_answered || !only_ours {
            return Ok(());
        }
        let mut jar = self.ids.first().cloned();
        for (_, told) in self.told {
            match told.closed.as_ref().map(|closed| &closed.delivery) {
                Some(Delivery::Send { id, .. }) => jar = Some(id.clone()),
                Some(Delivery::Withdraw) => jar = None,
                _ => {}
            }
        }
        match jar {
            Some(jar) if living.iter().any(|(id, _)| **id == jar) => Ok(()),
            _ => Err("S5: the session lives, and the browser is left with an id that opens nothing".to_owned()),
        }
    }
}
