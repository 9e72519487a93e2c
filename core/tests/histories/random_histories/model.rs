//! The reference: what sessions are, in maps.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use gsession::Timestamp;

/// The entries of a session, and under [`OWNER`] whose it is.
pub(crate) type Data = BTreeMap<String, u32>;

/// Where a session's principal is kept among its entries; no entry has such a key.
pub(crate) const OWNER: &str = "@";

/// What a request has written and not stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pending {
    pub(crate) cleared: bool,
    pub(crate) edits: BTreeMap<String, Option<u32>>,
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        !self.cleared && self.edits.is_empty()
    }

    pub(crate) fn has_content(&self) -> bool {
        self.edits.values().any(Option::is_some)
    }

    /// Everything goes but whose session it is.
    pub(crate) fn clear(&mut self) {
        self.cleared = true;
        self.edits.retain(|key, _| key == OWNER);
    }

    pub(crate) fn over(&self, data: &Data) -> Data {
        let mut data = data.clone();
        if self.cleared {
            data.retain(|key, _| key == OWNER);
        }
        for (key, edit) in &self.edits {
            match edit {
                Some(value) => drop(data.insert(key.clone(), *value)),
                None => drop(data.remove(key)),
            }
        }
        data
    }
}

/// What became of a session that was ever issued; its number is its place in the list.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    Lives(Data),
    Ended,
    /// It has another number, since this time.
    RenewedTo(usize, Timestamp),
}

/// What a request knows.
#[derive(Debug, Clone)]
pub(crate) enum Standing {
    Unknown,
    Written,
    Found(Data),
    Absent,
    /// Another request has renewed the session it works under.
    Overtaken {
        at: Timestamp,
        part: Part,
    },
    Lost,
}

/// What a request had to do with a session before another one renewed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    None,
    /// It has read it, as this user's.
    Read(Option<u32>),
    Wrote,
}

/// What a request loses whose writes are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loses {
    Nothing,
    Writes,
    Login,
}

/// How long after a renewal its old id is taken for one that could not know.
const GRACE: Duration = Duration::from_secs(30);
/// So close together two renewals overlap.
const OVERLAP: Duration = Duration::from_secs(5);

/// What storing came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    Nothing,
    Done,
    /// There is a new session, or a new number for one.
    Issued,
    /// What was written is dropped.
    Gone(Loses),
}

/// What the model knows of all sessions.
pub(crate) trait Fates {
    fn fate(&self, number: usize) -> &Fate;

    /// Where a session has got to.
    fn end_of(&self, mut number: usize) -> usize {
        while let Fate::RenewedTo(next, _) = self.fate(number) {
            number = *next;
        }
        number
    }
}

/// A request as the model sees it.
#[derive(Debug)]
pub(crate) struct Model {
    /// The number of the session it works under.
    pub(crate) under: Option<usize>,
    pub(crate) standing: Standing,
    pub(crate) pending: Pending,
    pub(crate) renew: bool,
    pub(crate) doomed: Vec<usize>,
    pub(crate) has_destroyed: bool,
    /// Whether the client has to be told a number.
    pub(crate) issued: bool,
    /// Whether it has moved the session's deadline already, so that its end need not.
    pub(crate) extended: bool,
    /// Whether the idle timeout has passed since it began, so that its end has to move the deadline of what it has read.
    pub(crate) is_old: bool,
    began: Timestamp,
    /// What else it presented: not looked up yet, opening nothing, and renewed by another request.
    untried: VecDeque<usize>,
    passed: Vec<usize>,
    renewed: VecDeque<(usize, Timestamp)>,
}

impl Model {
    pub(crate) fn presenting(numbers: Vec<usize>, began: Timestamp) -> Self {
        let mut untried = VecDeque::from(numbers);
        let under = untried.pop_front();
        Self {
            under,
            standing: if under.is_some() { Standing::Unknown } else { Standing::Absent },
            pending: Pending::default(),
            renew: false,
            doomed: Vec::new(),
            has_destroyed: false,
            issued: false,
            extended: false,
            is_old: false,
            began,
            untried,
            passed: Vec::new(),
            renewed: VecDeque::new(),
        }
    }

    /// Nothing lives under the number whose turn it was.
    fn pass(&mut self, renewed: Option<Timestamp>) {
        match (self.under.take(), renewed) {
            (Some(number), Some(at)) => self.renewed.push_back((number, at)),
            (number, _) => self.passed.extend(number),
        }
        (self.under, self.standing) = match self.untried.pop_front() {
            Some(next) => (Some(next), Standing::Unknown),
            None => match self.renewed.pop_front() {
                Some((number, at)) => (Some(number), Standing::Overtaken { at, part: Part::None }),
                None => (None, Standing::Absent),
            },
        };
    }

    /// What the storage holds is not what the request knows.
    fn lose(&mut self, fate: &Fate) {
        let is_unknown = matches!(self.standing, Standing::Unknown);
        match fate {
            Fate::RenewedTo(_, at) if is_unknown => self.pass(Some(*at)),
            Fate::RenewedTo(_, at) => {
                let part = match &self.standing {
                    Standing::Found(seen) => Part::Read(seen.get(OWNER).copied()),
                    _ => Part::Wrote,
                };
                self.standing = Standing::Overtaken { at: *at, part };
            }
            _ if is_unknown => self.pass(None),
            _ => self.standing = Standing::Lost,
        }
    }

    /// It asks the storage for its session, unless it has done so.
    pub(crate) fn look(&mut self, fates: &impl Fates) {
        while let (Standing::Unknown | Standing::Written, Some(under)) = (&self.standing, self.under) {
            match fates.fate(under) {
                Fate::Lives(data) => self.standing = Standing::Found(data.clone()),
                fate => self.lose(fate),
            }
        }
    }

    /// An update that was to be stored has found this.
    pub(crate) fn refused(&mut self, fate: &Fate) {
        self.lose(fate);
    }

    pub(crate) fn seen(&self) -> Data {
        match &self.standing {
            Standing::Found(data) => data.clone(),
            _ => Data::new(),
        }
    }

    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.standing, Standing::Overtaken { .. } | Standing::Lost)
    }

    /// The request ends and has stored nothing: an id that it was given before is sent only if it still opens something, and
    /// what it has read counts as used.
    pub(crate) fn confirm(&mut self, fates: &impl Fates) {
        let stands = matches!(self.standing, Standing::Found(_) | Standing::Written);
        let asks = self.issued || self.is_old && !self.extended;
        if stands && asks && !self.under.is_some_and(|under| matches!(fates.fate(under), Fate::Lives(_))) {
            self.standing = Standing::Lost;
        }
    }

    pub(crate) fn destroy(&mut self) {
        let renewed = self.renewed.drain(..).map(|(number, _)| number);
        self.doomed.extend(self.untried.drain(..).chain(self.passed.drain(..)).chain(renewed).chain(self.under.take()));
        self.standing = Standing::Absent;
        (self.pending, self.renew, self.issued, self.has_destroyed) = (Pending::default(), false, false, true);
        self.extended = false;
    }

    pub(crate) fn abandon(&mut self) {
        (self.pending, self.renew) = (Pending::default(), false);
    }

    fn gone(&mut self, loses: Loses) -> Stored {
        self.abandon();
        Stored::Gone(loses)
    }

    /// The session that goes on when another request has renewed the one it works under: the renewed one, for whoever proves to be
    /// its user; none, if a new one may be begun. `Err` if neither.
    fn after_overtaking(&mut self, fates: &impl Fates) -> Result<Option<(usize, Data)>, ()> {
        let user = self.pending.edits.get(OWNER).copied().flatten();
        loop {
            let (Standing::Overtaken { at, part }, Some(under)) = (&self.standing, self.under) else { return Err(()) };
            let proves = user.is_some()
                && self.renew
                && match part {
                    Part::None => true,
                    Part::Read(before) => *before != user,
                    Part::Wrote => false,
                };
            let has_ended = match fates.fate(fates.end_of(under)) {
                Fate::Lives(data) if proves && data.get(OWNER) == user.as_ref() => {
                    return Ok(Some((fates.end_of(under), data.clone())));
                }
                Fate::Lives(_) => false,
                // When the renewal is forgotten, nobody knows.
                _ => matches!(fates.fate(under), Fate::RenewedTo(..)),
            };
            if *part != Part::None || !self.pending.has_content() {
                return Err(());
            }
            let displaces_nothing = has_ended || self.began >= *at + GRACE;
            let begins = user.is_some() || displaces_nothing || self.renew && self.began >= *at + OVERLAP;
            if (user.is_some() || displaces_nothing)
                && let Some((next, at)) = self.renewed.pop_front()
            {
                self.passed.extend(self.under.replace(next));
                self.standing = Standing::Overtaken { at, part: Part::None };
                continue;
            }
            return if begins { Ok(None) } else { Err(()) };
        }
    }

    /// It stores what it has done. What becomes of the session it works under is the second part of the answer.
    pub(crate) fn store(&mut self, fates: &impl Fates, is_closing: bool) -> (Stored, Option<Fate>) {
        if self.pending.is_empty() && !self.renew {
            return (Stored::Nothing, None);
        }
        let logs_in = self.pending.edits.get(OWNER).is_some_and(Option::is_some);
        loop {
            match (&self.standing, self.under) {
                (Standing::Overtaken { .. }, _) => match self.after_overtaking(fates) {
                    Ok(Some((number, data))) => {
                        (self.under, self.standing) = (Some(number), Standing::Found(data));
                        (self.renew, self.issued) = (false, true);
                    }
                    Ok(None) => {
                        self.passed.extend(self.under.take());
                        self.standing = Standing::Absent;
                    }
                    Err(()) => {
                        let loses = match (self.pending.is_empty(), self.renew || logs_in) {
                            (true, _) => Loses::Nothing,
                            (false, false) => Loses::Writes,
                            (false, true) => Loses::Login,
                        };
                        return (self.gone(loses), None);
                    }
                },
                (Standing::Lost, _) => {
                    let is_login = !self.pending.is_empty() && (self.renew || logs_in);
                    return (self.gone(if is_login { Loses::Login } else { Loses::Nothing }), None);
                }
                (Standing::Absent, _) | (_, None) => {
                    self.renew = false;
                    let pending = std::mem::take(&mut self.pending);
                    if !pending.has_content() {
                        return (Stored::Nothing, None);
                    }
                    let data = pending.over(&Data::new());
                    (self.under, self.standing, self.issued) = (None, Standing::Found(data.clone()), true);
                    return (Stored::Issued, Some(Fate::Lives(data)));
                }
                (_, Some(under)) => match fates.fate(under) {
                    Fate::Lives(data) => {
                        let pending = std::mem::take(&mut self.pending);
                        self.standing = match &self.standing {
                            Standing::Found(seen) if !is_closing => Standing::Found(pending.over(seen)),
                            _ => Standing::Written,
                        };
                        let fate = Fate::Lives(pending.over(data));
                        let renews = std::mem::take(&mut self.renew);
                        self.issued |= renews;
                        self.extended = true;
                        return (if renews { Stored::Issued } else { Stored::Done }, Some(fate));
                    }
                    fate => self.lose(fate),
                },
            }
        }
    }
}
