//! The methods of a manager, written once for both kinds.

macro_rules! manager_methods {
    ($type:ident, $session:ident, [$($async:tt)*], [$($await:tt)*]) => {
        impl $type {
            /// A session for a request in which the client presented `id` (GoFrame's `Manager.New`). Nothing is asked of the
            /// storage before the session is used.
            ///
            /// An id that is unknown, has ended or is malformed is as good as none; it is never adopted (S6).
            #[must_use]
            pub fn session(&self, id: Option<&str>, client: ClientInfo) -> $session {
                self.session_from(id, || client)
            }

            /// As [`session`](Self::session), for transports on which a client may present several texts, such as several
            /// cookies of one name: the first under which a session lives counts, of at most four that can be ids, so that neither a
            /// malformed text nor a dead or renewed id hides a good one. `client` is called only if none can be an id.
            #[must_use]
            pub fn session_from<'a>(
                &self,
                candidates: impl IntoIterator<Item = &'a str>,
                client: impl FnOnce() -> ClientInfo,
            ) -> $session {
                let (mut malformed, mut id, mut others) = (false, None, Vec::new());
                for text in candidates {
                    match self.config.parse(text) {
                        Ok(parsed) if id.is_none() => id = Some(parsed),
                        Ok(parsed) if others.len() < MAX_OTHERS => others.push(parsed),
                        Ok(_) => break,
                        Err(_) => malformed = true,
                    }
                }
                let client = if id.is_some() { ClientInfo::default() } else { client() };
                let machine = Machine::new(id, malformed, client, self.config.clock.now()).with_others(others);
                $session::new(self.storage.clone(), Arc::clone(&self.config), machine)
            }

            /// A manager of the same storage with the same settings whose ids are valid in this [`Realm`](crate::Realm) (S13): for
            /// sessions of an integration's middleware that are opened elsewhere, in a TCP server for example.
            #[must_use]
            pub fn in_realm(&self, name: &str) -> Self {
                let mut config = Config::clone(&self.config);
                config.keys.realm = Some(crate::Realm::new(name));
                Self { storage: self.storage.clone(), config: Arc::new(config) }
            }

            /// The key under which the storage keeps the session that `id` opens here.
            #[must_use]
            pub fn key_of(&self, id: &SessionId) -> StoreKey {
                self.config.keys.key_of(id)
            }

            /// Whether a text that a client presents can be an id at all.
            #[must_use]
            pub fn accepts(&self, text: &str) -> bool {
                self.config.parse(text).is_ok()
            }

            /// Lists the living sessions of a principal, newest activity first (ASVS 7.5.2).
            ///
            /// # Errors
            ///
            /// [`StorageError`] if the storage failed or cannot list sessions.
            pub $($async)* fn sessions_of(&self, principal: &str) -> Result<Vec<(StoreKey, SessionInfo)>, StorageError> {
                let now = self.now();
                let mut sessions: Vec<_> = self
                    .storage
                    .find(principal, now)$($await)*?
                    .into_iter()
                    .filter(|found| !self.config.lifetime.is_over(&found.record, now))
                    .map(|found| (found.key, SessionInfo::of(&found.record)))
                    .collect();
                sessions.sort_by_key(|(_, info)| std::cmp::Reverse(info.last_seen));
                Ok(sessions)
            }

            /// Ends every session of a principal, except one if given, by this or an older id; returns how many there were (ASVS
            /// 7.4.2, 7.4.5). For operators and background jobs: a handler that ends its own user's sessions calls
            /// [`destroy_everywhere`](crate::AsyncSession::destroy_everywhere) on its session, which then knows about it.
            ///
            /// # Errors
            ///
            /// [`StorageError`] if the storage failed or cannot list sessions; some may have been ended then.
            pub $($async)* fn destroy_all_of(&self, principal: &str, except: Option<&SessionId>) -> Result<u64, StorageError> {
                let now = self.now();
                let listed = self.storage.find(principal, now)$($await)*?;
                // The one to spare may have been renewed meanwhile, and be listed under its new key.
                let mut spared = HashSet::new();
                let mut next = except.map(|id| self.config.keys.key_of(id));
                while let Some(key) = next.filter(|key| spared.insert(*key)) {
                    next = self.storage.trace(&key, now)$($await)*?.map(|trace| trace.to);
                }
                let mut ended = 0;
                for found in listed {
                    if !spared.contains(&found.key) {
                        ended += u64::from(self.destroy(found.key)$($await)*?);
                    }
                }
                Ok(ended)
            }

            /// Ends the session under a key, also if it has been renewed meanwhile; whether there was one.
            ///
            /// # Errors
            ///
            /// [`StorageError`] if the storage failed; the session may then still be there.
            pub $($async)* fn destroy(&self, key: StoreKey) -> Result<bool, StorageError> {
                remove_through(&self.storage, key)$($await)*
            }

            /// The time by the manager's clock, to which the deadlines of its sessions relate.
            #[must_use]
            pub fn now(&self) -> Timestamp {
                self.config.clock.now()
            }

            /// Removes expired sessions now, for storages that do not do it by themselves.
            ///
            /// # Errors
            ///
            /// [`StorageError`] if the storage failed.
            pub $($async)* fn sweep(&self) -> Result<Swept, StorageError> {
                self.storage.sweep(self.now())$($await)*
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type))
                    .field("lifetime", &self.config.lifetime)
                    .field("limits", &self.config.limits)
                    .finish_non_exhaustive()
            }
        }
    };
}
pub(super) use manager_methods;
