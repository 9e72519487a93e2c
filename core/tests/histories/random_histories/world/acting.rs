//! What a request does, on the storage and in the model.

use gsession::{Error, Saved};

use super::{Request, World, principal};
use crate::random_histories::{
    history::Op,
    model::{Fate, OWNER, Standing, Stored},
};

impl World {
    pub(super) fn act(&mut self, request: &mut Request, op: &Op) {
        let session = request.session.clone();
        let edits = &mut request.model.pending.edits;
        match op {
            Op::Get(key) => {
                self.look(request);
                assert_eq!(session.get::<u32>(key).unwrap(), Self::get(request, key));
            }
            Op::Set(key, value) => {
                session.set(key, value).unwrap();
                edits.insert(key.clone(), Some(*value));
            }
            Op::Remove(key) => {
                session.remove(key).unwrap();
                edits.insert(key.clone(), None);
            }
            Op::Clear => {
                session.clear().unwrap();
                request.model.pending.clear();
            }
            Op::Own(user) => {
                match user {
                    Some(user) => session.set_principal(&principal(*user)).unwrap(),
                    None => session.clear_principal().unwrap(),
                }
                edits.insert(OWNER.to_owned(), *user);
            }
            Op::LogIn(user) => {
                session.renew().and_then(|()| session.set_principal(&principal(*user))).unwrap();
                session.set("a", user).unwrap();
                edits.extend([(OWNER.to_owned(), Some(*user)), ("a".to_owned(), Some(*user))]);
                request.model.renew = true;
            }
            Op::Update(key) => self.update(request, key),
            Op::Renew => {
                session.renew().unwrap();
                request.model.renew = true;
            }
            Op::Destroy => {
                session.destroy();
                request.model.destroy();
            }
            Op::Save => {
                let saved = session.save().unwrap();
                let stored = self.store(request, false);
                assert_eq!(saved == Saved::Gone, matches!(stored, Stored::Gone(_)), "{saved:?}, {stored:?}");
            }
            op => unreachable!("{op} is about no request"),
        }
    }

    /// A session that is used after its end can be read and destroyed.
    pub(super) fn act_late(&mut self, request: &mut Request, op: &Op) {
        let session = request.session.clone();
        let refused = match op {
            Op::Get(key) => {
                self.look(request);
                assert_eq!(session.get::<u32>(key).unwrap(), Self::get(request, key));
                return;
            }
            Op::Destroy => {
                session.destroy();
                return request.model.destroy();
            }
            Op::Save if session.has_to_end() => {
                assert_eq!(session.save().unwrap(), Saved::Destroyed);
                assert_eq!(self.store(request, false), Stored::Nothing);
                return;
            }
            Op::Set(key, value) => session.set(key, value),
            Op::Remove(key) => session.remove(key),
            Op::Clear => session.clear(),
            Op::Own(_) => session.clear_principal(),
            Op::LogIn(user) => session.set_principal(&principal(*user)),
            Op::Update(key) => session.update(key, |n: Option<u32>| n.unwrap_or(0) + 1).map(drop),
            Op::Renew => session.renew(),
            Op::Save => session.save().map(drop),
            op => unreachable!("{op} is about no request"),
        };
        assert!(matches!(refused, Err(Error::Closed)), "{op}, after the end: {refused:?}");
    }

    fn update(&mut self, request: &mut Request, key: &str) {
        // An edit of this request that is not stored yet answers by itself, without a look at the storage.
        let pending = &request.model.pending;
        let written = pending.cleared || pending.edits.contains_key(key);
        let answer = request.session.update(key, |n: Option<u32>| n.unwrap_or(0) + 1);
        if !(written && matches!(request.model.standing, Standing::Found(_))) {
            self.look(request);
        }
        if request.model.is_gone() {
            assert!(matches!(answer, Err(Error::Gone)), "{answer:?}");
            return;
        }
        let new = Self::get(request, key).unwrap_or(0) + 1;
        let Standing::Found(seen) = &mut request.model.standing else {
            assert_eq!(answer.unwrap(), new);
            request.model.pending.edits.insert(key.to_owned(), Some(new));
            return;
        };
        if written {
            assert_eq!(answer.unwrap(), new);
            request.model.pending.edits.insert(key.to_owned(), Some(new));
            return;
        }
        let under = request.model.under.expect("it was found under something");
        match &mut self.sessions.0[under].0 {
            Fate::Lives(data) => {
                let new = data.get(key).copied().unwrap_or(0) + 1;
                assert_eq!(answer.unwrap(), new);
                data.insert(key.to_owned(), new);
                seen.insert(key.to_owned(), new);
                request.model.extended = true;
            }
            fate => {
                assert!(matches!(answer, Err(Error::Gone)), "{answer:?}");
                request.model.refused(fate);
            }
        }
    }
}
