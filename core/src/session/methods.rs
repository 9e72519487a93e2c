//! The methods of a session, written once for the blocking and the async driver.
//!
//! The two differ only in whether they wait with `.await`; the macro's arguments are the tokens and the doc texts that
//! differ.

/// Writes the public methods of a session type.
///
/// - `[async]` and `[.await]`, or nothing, for the code;
/// - `setup`, `wait` and `end`: the lines around an example, and `.await` in it.
macro_rules! session_methods {
    (
        $type:ident, [$($async:tt)*], [$($await:tt)*],
        setup: $setup:literal, wait: $wait:literal, end: $end:literal
    ) => {
        /// Reading. The first read asks the storage; later reads are free.
        impl $type {
            /// The value under `key`, or `None` if there is none or no session (GoFrame's `Get`).
            ///
            /// An entry whose stored text is not JSON any more, because it was damaged, counts as absent everywhere: a warning is
            /// logged, [`len`](Self::len) does not count it, [`update`](Self::update) is told `None`, and the next
            /// [`set`](Self::set) mends it.
            ///
            /// An integer beyond 64 bits, which only another program can have stored, is exact as an `i128` or a `u128`. As an `f64`
            /// or a [`Value`] it is rounded here; [`get_many`](Self::get_many) and [`data`](Self::data) refuse it.
            ///
            /// ```
            #[doc = $setup]
            #[doc = concat!("session.set(\"visits\", &3)?;\nassert_eq!(session.get::<u32>(\"visits\")", $wait, "?, Some(3));\nassert_eq!(session.get::<u32>(\"other\")", $wait, "?, None);")]
            #[doc = $end]
            /// ```
            ///
            /// # Errors
            ///
            /// [`Error::Storage`] if the storage failed; [`Error::Value`] if the value is not a `T`.
            pub $($async)* fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
                self.read(Some(&[key]))$($await)*?;
                let text = self.machine().value(key);
                values::decode(&self.0.machine, key, text.as_ref())
            }

            /// The value under `key`, or `default` if there is none (GoFrame's `Get` with a default).
            ///
            /// ```
            #[doc = $setup]
            #[doc = concat!("assert_eq!(session.get_or(\"visits\", 0)", $wait, "?, 0);")]
            #[doc = $end]
            /// ```
            ///
            /// # Errors
            ///
            /// As [`get`](Self::get).
            pub $($async)* fn get_or<T: DeserializeOwned>(&self, key: &str, default: T) -> Result<T, Error> {
                Ok(self.get(key)$($await)*?.unwrap_or(default))
            }

            /// The values under several keys, read in one go; keys without a value are left out.
            ///
            /// An integer beyond 64 bits, which only another program can have stored, does not fit into a [`Value`] and is an
            /// error rather than rounded ([`ValueError::InexactInteger`](crate::ValueError::InexactInteger)).
            ///
            /// ```
            #[doc = $setup]
            #[doc = concat!("session.set(\"a\", &1)?;\nlet values = session.get_many(&[\"a\", \"b\"])", $wait, "?;\nassert_eq!(values.len(), 1);\nassert_eq!(values[\"a\"], 1);")]
            #[doc = $end]
            /// ```
            ///
            /// # Errors
            ///
            /// As [`get`](Self::get).
            pub $($async)* fn get_many(&self, keys: &[&str]) -> Result<Map<String, Value>, Error> {
                self.read(Some(keys))$($await)*?;
                let machine = self.machine();
                let found: Vec<_> = keys.iter().filter_map(|&key| Some((key, machine.value(key)?))).collect();
                drop(machine);
                values::decode_all(&self.0.machine, found)
            }

            /// Whether there is a value under `key` (GoFrame's `Contains`).
            ///
            /// ```
            #[doc = $setup]
            #[doc = concat!("session.set(\"user\", \"ada\")?;\nassert!(session.contains_key(\"user\")", $wait, "?);")]
            #[doc = $end]
            /// ```
            ///
            /// # Errors
            ///
            /// [`Error::Storage`] if the storage failed.
            #[doc(alias = "contains")]
            pub $($async)* fn contains_key(&self, key: &str) -> Result<bool, Error> {
                self.read(Some(&[key]))$($await)*?;
                let text = self.machine().value(key);
                Ok(values::is_present(&self.0.machine, key, text.as_ref()))
            }

            /// Everything in the session (GoFrame's `Data`, `Map`). Integers beyond 64 bits are an error, as with
            /// [`get_many`](Self::get_many).
            ///
            /// ```
            #[doc = $setup]
            #[doc = concat!("session.set(\"user\", \"ada\")?;\nassert_eq!(session.data()", $wait, "?[\"user\"], \"ada\");")]
            #[doc = $end]
            /// ```
            ///
            /// # Errors
            ///
            /// As [`get`](Self::get).
            #[doc(alias = "entries")]
            pub $($async)* fn data(&self) -> Result<Map<String, Value>, Error> {
                self.read(None)$($await)*?;
                let entries = self.machine().entries(self.config())?;
                let texts = entries.iter().filter_map(|(key, _)| Some((key, entries.get(key)?)));
                values::decode_all(&self.0.machine, texts)
            }

            /// How many entries the session has (GoFrame's `Size`).
            ///
            /// ```
            #[doc = $setup]
            #[doc = concat!("session.set(\"user\", \"ada\")?;\nassert_eq!(session.len()", $wait, "?, 1);")]
            #[doc = $end]
            /// ```
            ///
            /// # Errors
            ///
            /// [`Error::Storage`] if the storage failed.
            #[doc(alias = "size")]
            pub $($async)* fn len(&self) -> Result<usize, Error> {
                self.read(None)$($await)*?;
                let entries = self.machine().entries(self.config())?;
                Ok(values::count(&self.0.machine, &entries))
            }

            /// Whether the session has no entries.
            ///
            /// # Errors
            ///
            /// [`Error::Storage`] if the storage failed.
            pub $($async)* fn is_empty(&self) -> Result<bool, Error> {
                Ok(self.len()$($await)*? == 0)
            }

            /// When the session was created and when it ends; `None` if none is stored.
            ///
            /// ```
            #[doc = $setup]
            #[doc = concat!("session.set(\"user\", \"ada\")?;\nlet _ = session.save()", $wait, "?;\nlet info = session.info()", $wait, "?.expect(\"it was saved\");\nassert_eq!(info.expires_at.since(info.created_at).as_secs(), 24 * 60 * 60);")]
            #[doc = $end]
            /// ```
            ///
            /// # Errors
            ///
            /// [`Error::Storage`] if the storage failed.
            pub $($async)* fn info(&self) -> Result<Option<SessionInfo>, Error> {
                self.read(None)$($await)*?;
                Ok(self.machine().info())
            }

            /// Whose session this is, if [`set_principal`](Self::set_principal) has said so.
            ///
            /// # Errors
            ///
            /// [`Error::Storage`] if the storage failed.
            pub $($async)* fn principal(&self) -> Result<Option<std::sync::Arc<str>>, Error> {
                self.read(None)$($await)*?;
                Ok(self.machine().principal())
            }

            /// Reads a value and removes it: for messages that are shown once. Of overlapping requests each may see it.
            ///
            /// ```
            #[doc = $setup]
            #[doc = concat!("session.set(\"flash\", \"saved\")?;\nassert_eq!(session.take::<String>(\"flash\")", $wait, "?.as_deref(), Some(\"saved\"));\nassert!(!session.contains_key(\"flash\")", $wait, "?);")]
            #[doc = $end]
            /// ```
            ///
            /// # Errors
            ///
            /// As [`get`](Self::get) and [`remove`](Self::remove); the value is then still there.
            pub $($async)* fn take<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
                let value = self.get(key)$($await)*?;
                if value.is_some() {
                    self.remove(key)?;
                }
                Ok(value)
            }
        }

        /// Writing. Writes are recorded and never wait; they are stored by [`save`](Self::save), or once at the end of the
        /// request.
        impl $type {
            /// Sets `key` to a value, kept as JSON (GoFrame's `Set`).
            ///
            /// What this accepts, [`get`](Self::get) returns, equal, floats to the last bit, as far as the value's own `Serialize` and
            /// `Deserialize` agree. What JSON would change, or could not carry, is refused, with the reason in
            /// [`ValueError`](crate::ValueError): NaN and infinity, `Some(None)`, `i128` and `u128`, keys of maps other than
            /// strings, integers and booleans, the same key twice.
            ///
            /// ```
            #[doc = $setup]
            /// session.set("user", "ada")?;
            /// session.set("roles", &["admin", "editor"])?;
            #[doc = $end]
            /// ```
            ///
            /// # Errors
            ///
            /// [`Error::Value`] if the value cannot be kept as JSON; [`Error::Limit`] if it would cross one of the
            /// [`Limits`](crate::Limits); [`Error::Closed`] after the end of the request. The session is then as before.
            #[doc(alias = "insert")]
            pub fn set<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<(), Error> {
                let value = encode(value).map_err(|reason| refused(key, reason, &self.config().limits))?;
                self.machine().set(key, &value, self.config())
            }

            /// Sets several keys (GoFrame's `SetMap`): all of them, or none if one cannot be set.
            ///
            /// ```
            #[doc = $setup]
            /// session.set_many([("width", 4), ("height", 3)])?;
            #[doc = concat!("assert_eq!(session.len()", $wait, "?, 2);")]
            #[doc = $end]
            /// ```
            ///
            /// # Errors
            ///
            /// As [`set`](Self::set).
            #[doc(alias = "set_map")]
            pub fn set_many<K: AsRef<str>, T: Serialize>(
                &self,
                entries: impl IntoIterator<Item = (K, T)>,
            ) -> Result<(), Error> {
                let encoded = entries
                    .into_iter()
                    .map(|(key, value)| match encode(&value) {
                        Ok(value) => Ok((key, value)),
                        Err(reason) => Err(refused(key.as_ref(), reason, &self.config().limits)),
                    })
                    .collect::<Result<Vec<_>, _>>()?;
                self.machine().set_many(&encoded, self.config())
            }

            /// Removes `key` (GoFrame's `Remove`). Nothing happens if it is not there.
            ///
            /// ```
            #[doc = $setup]
            /// session.remove("cart")?;
            #[doc = $end]
            /// ```
            ///
            /// # Errors
            ///
            /// [`Error::Closed`] after the end of the request; [`Error::Detached`] if there is no session behind this handle.
            #[doc(alias = "delete")]
            pub fn remove(&self, key: &str) -> Result<(), Error> {
                self.machine().remove(key)
            }

            /// Removes several keys.
            ///
            /// ```
            #[doc = $setup]
            /// session.remove_many(["cart", "coupon"])?;
            #[doc = $end]
            /// ```
            ///
            /// # Errors
            ///
            /// As [`remove`](Self::remove).
            pub fn remove_many<K: AsRef<str>>(&self, keys: impl IntoIterator<Item = K>) -> Result<(), Error> {
                keys.into_iter().try_for_each(|key| self.machine().remove(key.as_ref()))
            }

            /// Removes every entry; the session itself, its id and its principal stay. To end it, [`destroy`](Self::destroy).
            ///
            /// ```
            #[doc = $setup]
            /// session.set("user", "ada")?;
            /// session.clear()?;
            #[doc = concat!("assert!(session.is_empty()", $wait, "?);")]
            #[doc = $end]
            /// ```
            ///
            /// # Errors
            ///
            /// As [`remove`](Self::remove).
            pub fn clear(&self) -> Result<(), Error> {
                self.machine().clear()
            }

            /// Ends the session: it is deleted from the storage, and nothing that another running request does brings it
            /// back (logout; GoFrame's `RemoveAll`). What is set afterwards belongs to a new session under a new id.
            ///
            /// It ends the sessions of all ids the client sent (up to four), so none of them can be used to come back. For one
            /// hour after a renewal, the old id can still end the session. Whoever knows it can log the user out, but do
            /// nothing else.
            ///
            /// This works after the end of the request, too: [`save`](Self::save) carries it out then.
            ///
            /// ```
            #[doc = $setup]
            /// session.destroy();
            /// session.set("flash", "Good bye.")?;
            #[doc = $end]
            /// ```
            #[doc(alias = "remove_all")]
            #[doc(alias = "purge")]
            #[doc(alias = "flush")]
            #[doc(alias = "delete")]
            pub fn destroy(&self) {
                self.machine().destroy(self.config());
            }

            /// Gives the session a new id and ends the old one, keeping the data. Call it whenever privileges change, above
            /// all at login, so that nobody who knew the id before profits (ASVS 7.2.4; GoFrame's `RegenerateId(true)`).
            ///
            /// Of several overlapping renewals one wins. A later one that says who its user is, with
            /// [`set_principal`](Self::set_principal), joins the session of the first if that is the same user's: a second
            /// click on "log in" works. What the others wrote is dropped ([`Saved::Gone`]), which is an error at the end of the
            /// request.
            ///
            /// ```
            #[doc = $setup]
            /// // The password was right:
            /// session.renew()?;
            /// session.set("user", "ada")?;
            /// session.set_principal("ada")?;
            #[doc = $end]
            /// ```
            ///
            /// # Errors
            ///
            /// As [`remove`](Self::remove).
            #[doc(alias = "regenerate_id")]
            #[doc(alias = "cycle_id")]
            pub fn renew(&self) -> Result<(), Error> {
                self.machine().renew()
            }

            /// Says whose session this is, after you have checked a password or the like, and not before: it counts as the proof of a
            /// login. With it a user's sessions can be listed and ended ([`destroy_others`](Self::destroy_others)), a second click on
            /// "log in" goes on with the session of the first, and the memory storage never pushes the session out. Never share one
            /// between users, such as "guest".
            ///
            /// # Errors
            ///
            /// [`Error::Limit`] if it is longer than [`Limits::max_principal_bytes`](crate::Limits::max_principal_bytes); otherwise
            /// as [`remove`](Self::remove).
            pub fn set_principal(&self, principal: &str) -> Result<(), Error> {
                self.machine().set_principal(Some(principal.into()), self.config())
            }

            /// Says that this is nobody's session any more.
            ///
            /// # Errors
            ///
            /// As [`remove`](Self::remove).
            pub fn clear_principal(&self) -> Result<(), Error> {
                self.machine().set_principal(None, self.config())
            }

            /// Works under an id of the application's choosing: the session under it if there is one, otherwise a new one is
            /// created under it (GoFrame's `SetId`). Before anything else is done with the session.
            ///
            /// # Errors
            ///
            /// [`Error::AlreadyUsed`] if the session has been used; [`Error::InvalidId`] if the manager's generator does not
            /// accept such ids (the client could then never come back with it).
            pub fn set_id(&self, id: SessionId) -> Result<(), Error> {
                self.machine().set_id(id, self.config())
            }

            /// Changes a value depending on what it is, atomically: n overlapping increments add n. It is committed at once;
            /// returns the new value. If nothing changes, nothing is stored (S3).
            ///
            /// `change` is called again with the current value when another update was first. It must not use this session
            /// itself, which waits for it. If there is no session yet, or this request has written the entry before, the value is
            /// recorded like any other write.
            ///
            /// ```
            #[doc = $setup]
            #[doc = concat!("let n = session.update(\"n\", |n: Option<u64>| n.unwrap_or(0) + 1)", $wait, "?;\nassert_eq!(n, 1);")]
            #[doc = $end]
            /// ```
            ///
            /// # Errors
            ///
            /// As [`get`](Self::get) and [`set`](Self::set); [`Error::Gone`] if the session ended meanwhile;
            /// [`Error::Contended`] after losing 10,000 times. Nothing is stored then; after an error of the storage it may be.
            pub $($async)* fn update<T: Serialize + DeserializeOwned>(
                &self,
                key: &str,
                mut change: impl FnMut(Option<T>) -> T,
            ) -> Result<T, Error> {
                let new = self.alter(key, |old| Ok::<_, Error>(Alteration::Put(change(old))))$($await)*?;
                // What was put is there.
                new.ok_or(Error::Gone)
            }

            /// As [`update`](Self::update), with a `change` that may also remove the value (`Ok(None)`) or refuse (`Err`). A
            /// refusal stores nothing. `change` decides on the value now in the storage (with the near cache of Redis: as of
            /// the last invalidation received).
            ///
            /// ```
            #[doc = $setup]
            /// # #[derive(Debug)] enum Refused { SoldOut, Session(gsession::Error) }
            /// # impl From<gsession::Error> for Refused { fn from(error: gsession::Error) -> Self { Self::Session(error) } }
            /// session.set("tickets", &1)?;
            /// let take_one = |left: Option<u32>| match left {
            ///     Some(1) => Ok(None), // the last one: the entry goes
            ///     Some(n) => Ok(Some(n - 1)),
            ///     None => Err(Refused::SoldOut),
            /// };
            #[doc = concat!("assert!(matches!(session.try_update(\"tickets\", take_one)", $wait, ", Ok(None)));\nassert!(matches!(session.try_update(\"tickets\", take_one)", $wait, ", Err(Refused::SoldOut)));")]
            #[doc = $end]
            /// ```
            ///
            /// # Errors
            ///
            /// What `change` refuses with; otherwise as [`update`](Self::update).
            pub $($async)* fn try_update<T, E>(
                &self,
                key: &str,
                mut change: impl FnMut(Option<T>) -> Result<Option<T>, E>,
            ) -> Result<Option<T>, E>
            where
                T: Serialize + DeserializeOwned,
                E: From<Error>,
            {
                self.alter(key, |old| Ok(change(old)?.map_or(Alteration::Remove, Alteration::Put)))$($await)*
            }

            /// The value under `key`; if there is none, that of `make`, which is stored at once. Atomic: of overlapping requests
            /// one stores its value, and all get that one. For what a session has once, such as a CSRF token.
            ///
            /// If there is no session yet, the value is recorded like any other write; overlapping requests of a visitor
            /// without a session begin one each. If another request has renewed the session, the value is returned but may not
            /// be stored, so a login page can still be shown.
            ///
            /// ```
            #[doc = $setup]
            #[doc = concat!("let token = session.get_or_insert_with(\"csrf\", || \"from a generator\".to_owned())", $wait, "?;\nassert_eq!(session.get_or_insert_with(\"csrf\", || \"another\".to_owned())", $wait, "?, token);")]
            #[doc = $end]
            /// ```
            ///
            /// # Errors
            ///
            /// As [`update`](Self::update).
            #[doc(alias = "get_or_init")]
            pub $($async)* fn get_or_insert_with<T: Serialize + DeserializeOwned>(
                &self,
                key: &str,
                mut make: impl FnMut() -> T,
            ) -> Result<T, Error> {
                if let Some(value) = self.get(key)$($await)*? {
                    return Ok(value);
                }
                if self.machine().is_overtaken() {
                    let value = make();
                    self.set(key, &value)?;
                    return Ok(value);
                }
                let get_or_make = |old: Option<T>| Ok::<_, Error>(old.map_or_else(|| Alteration::Put(make()), Alteration::Keep));
                self.alter(key, get_or_make)$($await)*?.ok_or(Error::Gone)
            }

            /// Alters one entry atomically.
            $($async)* fn alter<T, E>(
                &self,
                key: &str,
                mut change: impl FnMut(Option<T>) -> Result<Alteration<T>, E>,
            ) -> Result<Option<T>, E>
            where
                T: Serialize + DeserializeOwned,
                E: From<Error>,
            {
                self.machine().check_open()?;
                let _one_at_a_time = self.0.io.lock()$($await)*;
                let mut is_current = self.load(Some(&[key]))$($await)*?;
                let mut told = None;
                for _ in 0..MAX_UPDATE_TRIES {
                    let begin = match told.take() {
                        Some(current) => Update::Shared(current),
                        None => self.machine().update(key)?,
                    };
                    let (Update::Shared(old) | Update::Local(old)) = &begin;
                    let altered = change(values::decode(&self.0.machine, key, old.as_ref())?);
                    let edit = altered.as_ref().ok().map(|altered| altered.edit_of(old.as_ref())).transpose();
                    let edit = edit.map_err(|reason| refused(key, reason, &self.config().limits))?.flatten();
                    let Some(edit) = edit else {
                        if is_current || matches!(begin, Update::Local(_)) {
                            return altered.map(Alteration::into_value);
                        }
                        // Nothing would be stored, so nobody would notice that what was read is out of date.
                        self.machine().forget_view();
                        is_current = self.load(Some(&[key]))$($await)*?;
                        continue;
                    };
                    let old = match begin {
                        Update::Local(_) => {
                            match edit {
                                Some(value) => self.machine().set(key, &value, self.config())?,
                                None => self.machine().remove(key)?,
                            }
                            return altered.map(Alteration::into_value);
                        }
                        Update::Shared(old) => old,
                    };
                    let now = self.config().clock.now();
                    let step = self.machine().update_step(key, old, edit.as_ref(), now, self.config())?;
                    let reply = self.execute(&step)$($await)*?;
                    match self.machine().updated(&step, reply, self.config())? {
                        None => return altered.map(Alteration::into_value),
                        Some(current) => (told, is_current) = (Some(current), true),
                    }
                }
                Err(Error::Contended { key: key.into() }.into())
            }
        }

        /// The session as a whole.
        impl $type {
            /// The id to hand to the client: the one it presented, or the one it got from a save; `None` if there is no
            /// session, or none yet. Whether a presented id opens anything is known after the first read or save.
            #[must_use]
            pub fn id(&self) -> Option<SessionId> {
                self.machine().id()
            }

            /// The key under which the storage keeps the session, if there is one: a hash of the id that may be shown and logged, and
            /// by which [`end`](Self::end) knows it.
            #[must_use]
            pub fn key(&self) -> Option<StoreKey> {
                self.id().map(|id| self.config().keys.key_of(&id))
            }

            /// Whether something waits to be stored.
            #[must_use]
            pub fn is_dirty(&self) -> bool {
                self.machine().is_dirty()
            }

            /// Whether the application has used the session at all.
            #[must_use]
            pub fn was_used(&self) -> bool {
                self.machine().was_used()
            }

            /// Makes this a passive request, which reads without extending the session: polling, for example, should not keep
            /// a user logged in (S7).
            pub fn set_passive(&self, passive: bool) {
                self.machine().set_passive(passive);
            }

            /// Stores now what was written, instead of at the end of the request. Call it when the answer depends on the
            /// result, in a handler that holds its session for long, or before an external side effect.
            ///
            /// [`Saved::Gone`] says that the session was ended or renewed by another request while this one was using it, and that
            /// nothing was stored. If you never call `save`, [`close`](Self::close) reports it where it matters.
            ///
            /// ```
            #[doc = $setup]
            /// use gsession::Saved;
            ///
            /// session.set("user", "ada")?;
            #[doc = concat!("assert_eq!(session.save()", $wait, "?, Saved::Created);\nassert_eq!(session.save()", $wait, "?, Saved::Nothing);")]
            #[doc = $end]
            /// ```
            ///
            /// # Errors
            ///
            /// [`Error::Storage`] if the storage failed: the changes are kept for another try, except those that would cross a
            /// limit. [`Error::Id`] if no id could be made, [`Error::IdTaken`] after `set_id`, [`Error::Closed`] after the end of the
            /// request, unless it carries out a [`destroy`](Self::destroy).
            #[doc(alias = "commit")]
            #[doc(alias = "flush")]
            pub $($async)* fn save(&self) -> Result<Saved, Error> {
                Ok(self.store(Progress::saving())$($await)*?.saved())
            }

            /// Ends the request: stores what was written, counts as activity, and says what the client has to be told
            /// (GoFrame's `Close`). The actix middleware calls it; other transports call it themselves.
            ///
            /// ```
            #[doc = $setup]
            /// use gsession::Delivery;
            ///
            /// session.set("user", "ada")?;
            #[doc = concat!("let closed = session.close()", $wait, "?;\nassert!(matches!(closed.delivery, Delivery::Send { .. }));")]
            #[doc = $end]
            /// ```
            ///
            /// From then on the session can be read and destroyed, and nothing else: writing is [`Error::Closed`] (S9).
            ///
            /// # Errors
            ///
            /// As [`save`](Self::save). [`Error::Gone`] if a login, or what was written beside a renewal, could not be stored because
            /// the session was ended or renewed meanwhile: the answer must not say that it was. Other writes are then dropped
            /// ([`Saved::Gone`], [`Closed::conflict`]). After an error the request can be closed again, or [discarded](Self::discard).
            pub $($async)* fn close(&self) -> Result<Closed, Error> {
                let progress = self.store(Progress::closing())$($await)*?;
                let delivery = self.machine().delivery();
                Ok(Closed { delivery, saved: progress.saved(), conflict: progress.conflict() })
            }

            /// Ends the request without storing anything: from here on writing is [`Error::Closed`]. For integrations whose request
            /// was cut off, or came to its end without using the session. A [`destroy`](Self::destroy) stays.
            pub fn discard(&self) {
                self.machine().discard();
            }

            /// Whether the request has come to its end.
            #[must_use]
            pub fn is_closed(&self) -> bool {
                self.machine().is_closed()
            }

            /// What the client would have to be told if the request ended now without storing anything more: for integrations
            /// that answer although [`close`](Self::close) has failed. An id that an earlier save has given must reach it.
            pub fn delivery(&self) -> Delivery {
                self.machine().delivery()
            }

            /// Drops what was written and not saved; a [`destroy`](Self::destroy) stays.
            pub fn abandon(&self) {
                self.machine().abandon();
            }

            /// Whether [`destroy`](Self::destroy) was called and the storage does not know yet.
            #[must_use]
            pub fn is_doomed(&self) -> bool {
                self.machine().is_doomed()
            }

            /// Whether closing may make a new session: for integrations that collect [`ClientInfo`] only when it is needed.
            #[must_use]
            pub fn may_be_created(&self) -> bool {
                self.machine().may_be_created()
            }

            /// Whether this may be the page of somebody who is logged in: this request has seen the session's principal or set it, or
            /// has not looked. For integrations that keep such pages out of caches.
            #[must_use]
            pub fn may_be_logged_in(&self) -> bool {
                self.machine().may_be_logged_in()
            }

            /// Says that the client keeps an expiry of its own, as with a persistent cookie: a
            /// [`Delivery::Refresh`](crate::Delivery::Refresh) is then confirmed by the storage before it is given, so that a
            /// slow request does not refresh an id that has ended meanwhile.
            pub fn set_client_keeps_expiry(&self) {
                self.machine().set_client_keeps_expiry();
            }

            /// Says when the request began, where that was before the manager made its session: what was sent before a renewal could
            /// not know of it.
            pub fn set_began(&self, began: Timestamp) {
                self.machine().set_began(began);
            }

            /// Tells about the client, for making ids, unless something is known already.
            pub fn set_client_info(&self, client: ClientInfo) {
                self.machine().set_client(client);
            }

            /// Lists the living sessions of this session's principal, newest activity first (ASVS 7.5.2). Empty if it has none.
            ///
            /// ```
            #[doc = $setup]
            /// session.set_principal("ada")?;
            #[doc = concat!("let _ = session.save()", $wait, "?;\nlet sessions = session.list()", $wait, "?;\nassert!(sessions.len() == 1 && sessions[0].is_current);")]
            #[doc = $end]
            /// ```
            ///
            /// # Errors
            ///
            /// [`Error::Storage`] if the storage failed or cannot list sessions. [`Error::Gone`] if this session itself has ended or
            /// was renewed by another request.
            pub $($async)* fn list(&self) -> Result<Vec<ListedSession>, Error> {
                let Some(principal) = self.whose()$($await)*? else { return Ok(Vec::new()) };
                let (now, own) = (self.config().clock.now(), self.key());
                let found = self.0.storage.find(&principal, now)$($await)*?;
                let living = found.into_iter().filter(|found| !self.config().lifetime.is_over(&found.record, now));
                let mut sessions: Vec<_> = living.map(|found| ListedSession::of(&found, own)).collect();
                sessions.sort_by_key(|session| std::cmp::Reverse(session.info.last_seen));
                Ok(sessions)
            }

            /// Ends one of this principal's sessions, by its key from [`list`](Self::list), also if it has been renewed since.
            /// Returns whether there was one. For this session's own key it does what [`destroy`](Self::destroy) does.
            ///
            /// # Errors
            ///
            /// As [`list`](Self::list).
            pub $($async)* fn end(&self, key: StoreKey) -> Result<bool, Error> {
                let principal = self.whose()$($await)*?;
                if self.key() == Some(key) {
                    self.destroy();
                    return Ok(true);
                }
                let Some(principal) = principal else { return Ok(false) };
                let (now, storage) = (self.config().clock.now(), &self.0.storage);
                let theirs = storage.find(&principal, now)$($await)*?;
                let (mut key, mut trail) = (key, Trail::default());
                // It may have been renewed since it was listed.
                while theirs.iter().all(|found| found.key != key) {
                    match storage.trace(&key, now)$($await)*? {
                        Some(trace) if trail.follow(&trace.to)? == Leads::On => key = trace.to,
                        _ => return Ok(false),
                    }
                }
                if self.key() == Some(key) {
                    self.destroy();
                    return Ok(true);
                }
                Ok(remove_through(storage, key)$($await)*?)
            }

            /// Ends every other session of this session's principal, for example after a change of the password
            /// (ASVS 7.4.3); returns how many there were. 0 if there is no principal.
            ///
            /// # Errors
            ///
            /// As [`list`](Self::list); some may have been ended then.
            pub $($async)* fn destroy_others(&self) -> Result<u64, Error> {
                let Some(principal) = self.whose()$($await)*? else { return Ok(0) };
                let own = self.key();
                let others = self.others(&principal, own)$($await)*?;
                // If this session was renewed meanwhile, one of them is this one, under a key that is not known here.
                if let Some(own) = own
                    && self.0.storage.trace(&own, self.config().clock.now())$($await)*?.is_some()
                {
                    return Err(Error::Gone);
                }
                self.end_all(others)$($await)*
            }

            /// Ends every session of this session's principal, this one as with [`destroy`](Self::destroy) (ASVS 7.4.5); returns how
            /// many others there were. What is set afterwards, a message for example, belongs to a new session.
            ///
            /// # Errors
            ///
            /// As [`list`](Self::list); this session ends all the same, and some others may have been ended.
            pub $($async)* fn destroy_everywhere(&self) -> Result<u64, Error> {
                let (principal, own) = (self.whose()$($await)*, self.key());
                self.destroy();
                match principal? {
                    Some(principal) => {
                        let others = self.others(&principal, own)$($await)*?;
                        self.end_all(others)$($await)*
                    }
                    None => Ok(0),
                }
            }

            /// The keys of the principal's sessions except one.
            $($async)* fn others(&self, principal: &str, own: Option<StoreKey>) -> Result<Vec<StoreKey>, Error> {
                let found = self.0.storage.find(principal, self.config().clock.now())$($await)*?;
                Ok(found.into_iter().map(|found| found.key).filter(|key| Some(*key) != own).collect())
            }

            $($async)* fn end_all(&self, keys: Vec<StoreKey>) -> Result<u64, Error> {
                let mut ended = 0;
                for key in keys {
                    ended += u64::from(remove_through(&self.0.storage, key)$($await)*?);
                }
                Ok(ended)
            }

            /// The principal of a session that has not ended.
            $($async)* fn whose(&self) -> Result<Option<std::sync::Arc<str>>, Error> {
                let principal = self.principal()$($await)*?;
                if self.machine().is_gone() { Err(Error::Gone) } else { Ok(principal) }
            }

            pub(crate) fn machine(&self) -> MutexGuard<'_, Machine> {
                self.0.machine.lock()
            }

            fn config(&self) -> &Config {
                &self.0.config
            }

            /// Makes sure that the entries `names`, or all, are known.
            $($async)* fn read(&self, names: Option<&[&str]>) -> Result<(), Error> {
                let now = self.config().clock.now();
                if self.machine().want(names, now, self.config())?.is_none() {
                    return Ok(());
                }
                let _one_at_a_time = self.0.io.lock()$($await)*;
                // Somebody may have read it while this waited.
                self.load(names)$($await)*.map(drop)
            }

            /// As [`read`](Self::read), by whoever holds the lock; whether the storage was asked.
            $($async)* fn load(&self, names: Option<&[&str]>) -> Result<bool, Error> {
                let now = self.config().clock.now();
                let mut asked = false;
                // A client that presented several ids needs several reads.
                loop {
                    let need = self.machine().want(names, now, self.config())?;
                    let Some(need) = need else { return Ok(asked) };
                    let lookup = match names {
                        Some(names) => self.0.storage.fetch(&need.key, names, &need.access)$($await)*?,
                        None => self.0.storage.load(&need.key, &need.access)$($await)*?,
                    };
                    self.machine().loaded(lookup, names, &need, self.config());
                    asked = true;
                }
            }

            /// Leads the machine's steps through the storage.
            $($async)* fn store(&self, mut progress: Progress) -> Result<Progress, Error> {
                let _one_at_a_time = self.0.io.lock()$($await)*;
                let stored = self.drive(&mut progress)$($await)*;
                stored.inspect_err(|_| self.machine().tell()).map(|()| progress)
            }

            $($async)* fn drive(&self, progress: &mut Progress) -> Result<(), Error> {
                loop {
                    let now = self.config().clock.now();
                    let step = self.machine().next(progress, now, self.config())?;
                    let Some(step) = step else { return Ok(()) };
                    let reply = self.execute(&step)$($await)*?;
                    self.machine().reply(&step, reply, progress, self.config())?;
                }
            }

            $($async)* fn execute(&self, step: &Step) -> Result<Reply, Error> {
                let storage = &self.0.storage;
                let reply = match step {
                    Step::Remove { key } => storage.remove(key)$($await)*.map(Reply::Removed),
                    Step::Create { key, record, now, .. } => storage.create(key, record, *now)$($await)*.map(Reply::Created),
                    Step::Commit { key, commit } => storage.commit(key, commit)$($await)*.map(Reply::Committed),
                    Step::Move { from, to, commit, .. } => storage.move_to(from, to, commit)$($await)*.map(Reply::Moved),
                    Step::Look { key, access, .. } => storage.load(key, access)$($await)*.map(Reply::Looked),
                    Step::Follow { key, now, .. } => storage.trace(key, *now)$($await)*.map(Reply::Followed),
                    Step::Recognise { key, access, .. } => storage.load(key, access)$($await)*.map(Reply::Looked),
                    Step::Touch { key, access } => storage.touch(key, access)$($await)*.map(Reply::Touched),
                };
                reply.map_err(|error| {
                    self.machine().failed(step, &error);
                    error.into()
                })
            }
        }

        impl std::fmt::Debug for $type {
            /// Without the id and without the data.
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type)).field("dirty", &self.is_dirty()).finish_non_exhaustive()
            }
        }

        impl Drop for Shared {
            fn drop(&mut self) {
                if self.machine.get_mut().is_forgotten() {
                    tracing::warn!("a session was dropped with changes that had not been saved");
                }
            }
        }
    };
}
pub(super) use session_methods;
