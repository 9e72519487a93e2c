//! Requests under way, and what they are told.

use std::{cell::RefCell, rc::Rc};

use gsession::{AsyncManager, ClientInfo, Closed, Delivery, Error, Exchange, Saved, SessionId, StoreKey};

use super::{
    lineage::{Data, OWNER, Pending, own_key, owner},
    programs::{Action, Id, Leg, Program},
    turnstile::Turnstile,
};

/// What a request was told.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) request: usize,
    pub(crate) leg: Leg,
    /// What it saw when it looked.
    pub(crate) seen: Vec<Data>,
    pub(crate) updates: u64,
    /// What its last close came to, if one was acknowledged.
    pub(crate) closed: Option<Closed>,
    /// Whether closing said that what it wrote is lost.
    pub(crate) is_gone: bool,
    /// Whether the storage failed.
    pub(crate) failed: bool,
    /// What it has stored.
    pub(crate) stores: u64,
    /// How many of its operations were interfered with.
    pub(crate) faults: usize,
    /// Answers that must not be.
    pub(crate) broken: Option<String>,
}

impl Told {
    pub(crate) fn delivery(&self) -> Option<&Delivery> {
        self.closed.as_ref().map(|closed| &closed.delivery)
    }
}

/// What all requests have in common.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) manager: AsyncManager,
    pub(crate) turnstile: Turnstile,
    /// By which [`Id`] which id is meant.
    pub(crate) ids: Vec<(Id, SessionId)>,
    /// What the browser holds.
    pub(crate) jar: Rc<RefCell<Option<SessionId>>>,
    /// What requests were told, in the order in which they ended.
    pub(crate) told: Rc<RefCell<Vec<Told>>>,
}

impl World {
    pub(crate) fn id(&self, id: Id) -> Option<SessionId> {
        if id == Id::Jar {
            return self.jar.borrow().clone();
        }
        self.ids.iter().find(|(name, _)| *name == id).map(|(_, id)| id.clone())
    }

    /// Sends one request after the other.
    pub(crate) async fn carry_out(self, program: Program, request: usize) {
        for leg in program.legs {
            let told = self.send(leg, request).await;
            // Whoever came with none of its ids is another browser.
            if !leg.is_lost && leg.presents.iter().any(|id| matches!(id, Id::First | Id::Jar)) {
                match told.delivery() {
                    Some(Delivery::Send { id, .. }) => *self.jar.borrow_mut() = Some(id.clone()),
                    Some(Delivery::Withdraw) => *self.jar.borrow_mut() = None,
                    _ => {}
                }
            }
            self.told.borrow_mut().push(told);
        }
    }

    async fn send(&self, leg: &Leg, request: usize) -> Told {
        let ids: Vec<SessionId> = leg.presents.iter().filter_map(|&id| self.id(id)).collect();
        self.turnstile.begins(request, ids.iter().map(StoreKey::of).collect(), leg.user());
        let session = self.manager.begin(ids.iter().map(SessionId::as_str), ClientInfo::default);
        let mut told = Told {
            request,
            leg: *leg,
            seen: Vec::new(),
            updates: 0,
            closed: None,
            is_gone: false,
            failed: false,
            stores: 0,
            faults: 0,
            broken: None,
        };
        let mut is_closed = false;
        for &action in leg.actions {
            if action == Action::Close {
                self.close(&session, &mut told).await;
                is_closed = true;
            } else if is_closed {
                self.act_late(action, &session, &mut told).await;
            } else {
                self.turnstile.note(request, action);
                self.act(action, &session, &mut told).await;
            }
        }
        if !is_closed {
            self.close(&session, &mut told).await;
        }
        // Whatever could not be done was reported.
        session.abandon();
        told
    }

    async fn act(&self, action: Action, session: &Exchange, told: &mut Told) {
        let drop_pending = |drop: fn(&mut Pending)| self.turnstile.with_pending(told.request, drop);
        let done = match action {
            Action::Read => session.get::<u64>("n").await.map(drop),
            Action::Look => look(session, &mut told.seen).await,
            Action::Set => session.set(&own_key(told.request), &told.request),
            Action::SetCommon => session.set("common", &told.request),
            Action::Update => {
                let updated = session.update("n", |n: Option<u64>| n.unwrap_or_default() + 1).await;
                if updated.is_err() {
                    drop_pending(Pending::drop_updates);
                }
                updated.map(|_| told.updates += 1)
            }
            Action::Clear => session.clear(),
            Action::Own(who) => session.set_principal(who.principal()),
            Action::Renew => session.renew(),
            Action::Destroy => {
                session.destroy();
                Ok(())
            }
            Action::Save => session.save().await.map(|saved| {
                if saved == Saved::Gone {
                    drop_pending(Pending::drop_all);
                }
            }),
            Action::Close | Action::PassTime | Action::Expel => Ok(()),
        };
        match done {
            Ok(()) => {}
            // Only an update says so at once.
            Err(Error::Gone) if action == Action::Update => {}
            Err(Error::Storage(_)) => told.failed = true,
            Err(error) => told.broken = Some(format!("S9: {action:?} was answered {error:?}")),
        }
    }

    /// Ends a request; what fails is tried once more.
    async fn close(&self, session: &Exchange, told: &mut Told) {
        for _ in 0..2 {
            match session.close().await {
                Ok(closed) => told.closed = Some(closed),
                Err(Error::Gone) => told.is_gone = true,
                Err(Error::Storage(_)) => {
                    told.failed = true;
                    continue;
                }
                Err(error) => told.broken = Some(format!("S9: closing was answered {error:?}")),
            }
            break;
        }
        session.discard();
        if told.closed.is_some() && told.leg.does(Action::Destroy) {
            self.turnstile.has_destroyed(told.request);
        }
        let doing = self.turnstile.closes(told.request);
        (told.stores, told.faults) = (doing.stores, doing.faults);
    }

    /// Uses a session after its end.
    async fn act_late(&self, action: Action, session: &Exchange, told: &mut Told) {
        let has_to_end = session.has_to_end();
        let done = match action {
            Action::Read => return told.failed |= session.get::<u64>("n").await.is_err(),
            Action::Look => return told.failed |= look(session, &mut told.seen).await.is_err(),
            Action::Destroy => {
                self.turnstile.note(told.request, action);
                return session.destroy();
            }
            Action::Save if has_to_end => {
                // What fails is tried once more.
                for _ in 0..2 {
                    match session.save().await {
                        Ok(Saved::Destroyed) => return self.turnstile.has_destroyed(told.request),
                        Err(Error::Storage(_)) => told.failed = true,
                        other => return told.broken = Some(format!("S9: a late logout was answered {other:?}")),
                    }
                }
                return;
            }
            Action::Save => session.save().await.map(drop),
            Action::Set => session.set(&own_key(told.request), &told.request),
            Action::SetCommon => session.set("common", &told.request),
            Action::Update => session.update("n", |n: Option<u64>| n.unwrap_or_default() + 1).await.map(drop),
            Action::Clear => session.clear(),
            Action::Own(who) => session.set_principal(who.principal()),
            Action::Renew => session.renew(),
            Action::Close | Action::PassTime | Action::Expel => return,
        };
        if !matches!(done, Err(Error::Closed)) {
            told.broken = Some(format!("S9: {action:?} after the end was answered {done:?}"));
        }
    }
}

async fn look(session: &Exchange, seen: &mut Vec<Data>) -> Result<(), Error> {
    let (data, principal) = (session.data().await?, session.principal().await?);
    let mut data: Data = data.iter().map(|(key, value)| (key.clone(), value.as_u64().unwrap_or_default())).collect();
    data.extend(principal.map(|principal| (OWNER.to_owned(), owner(&principal))));
    seen.push(data);
    Ok(())
}
