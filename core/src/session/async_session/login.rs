//! Logging in and out.

use std::time::Duration;

use rand::{TryRng as _, rngs::SysRng};

use super::{AsyncSession, Shared};
use crate::{
    Error, IdError, Saved, Timestamp,
    record::{
        Encoded, Lifespan, encode,
        reserved::{LABEL, LOGIN, LoginFacts, TAG},
    },
    session::{
        config::Config,
        login::{Login, check_label},
        machine::{Machine, Progress},
        tags::Life,
        values::refused,
    },
};

/// Logging in and out.
impl<E: From<Error>> AsyncSession<E> {
    /// Logs a user in, after you have checked their password or similar: in one atomic step the session gets a new id, the
    /// principal, the time of the login and a label ([S14](crate::design#s14), ASVS 7.2.4), and everything else that is not
    /// stored yet is stored.
    ///
    /// A login replaces all that an earlier one has said: label, address, tag and [`remember_for`](crate::Login::remember_for). What you
    /// do not pass is gone. When a user only proves once more who they are, call [`confirm_login`](Self::confirm_login).
    ///
    /// It is stored at once, so that you know the result before you answer. If the builder sets
    /// [`max_sessions`](crate::ManagerBuilder::max_sessions), it applies here.
    ///
    /// A second click on "log in" continues with the session of the first.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// use gsession::Login;
    ///
    /// // The password is right:
    /// session.log_in(Login::new("ada").label("Firefox on Linux")).await?;
    /// assert_eq!(session.principal().await?.as_deref(), Some("ada"));
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Login`] if the login is refused: nothing has changed. [`Error::Gone`] if the session was ended meanwhile, or
    /// another user's login won, or, with [`AtLimit::EndOldest`](crate::AtLimit::EndOldest), more logins than are allowed
    /// overlap and this is the oldest of them. [`Error::Limit`] if there is no room for a principal or its entries; otherwise same
    /// as [`save`](Self::save).
    pub async fn log_in(&self, login: impl Into<Login>) -> Result<(), E> {
        let login = login.into();
        login.check().map_err(Error::from)?;
        let at = self.config().clock.now().as_millis();
        let n = SysRng
            .try_next_u32()
            .map_err(|error| IdError::new("the system's random generator failed").with_source(error))
            .map_err(Error::from)?;
        let place = self.place_of(&login, at).await?;
        let facts = LoginFacts { at, n, place, address: login.address };
        let seat = self.take_seat(&login, &facts).await?;
        let done = self.note_and_store(&login, &facts).await;
        if let Some(seat) = seat {
            self.leave_seat(seat).await;
        }
        done?;
        self.end_oldest(&login, &facts).await
    }

    /// Confirms the login of a user who has proved once more who they are, before they change a password or spend money (ASVS
    /// 7.5.3): the session gets a new id, and its login counts as [recent](Self::require_recent). Whose session it is, label,
    /// address, tag and deadlines stay. Stored at once, with everything else that is not stored yet.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// use gsession::Login;
    ///
    /// session.log_in(Login::new("ada").label("Firefox on Linux")).await?;
    /// // Later, the password is right once more:
    /// session.confirm_login().await?;
    /// let info = session.info().await?.expect("she is logged in");
    /// assert_eq!(info.label.as_deref(), Some("Firefox on Linux"));
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NotLoggedIn`] if nobody has [logged in](Self::log_in): only a principal was set, or the client presented an id
    /// that was replaced, such as one whose confirmation was stored and whose response was lost. [`Error::Gone`] if meanwhile
    /// the session was ended, its principal was set or cleared, or its id renewed, for example by the first of two clicks: send
    /// the user on to the page that asked for the confirmation, which asks again if it has to. Otherwise same as
    /// [`save`](Self::save).
    pub async fn confirm_login(&self) -> Result<(), E> {
        self.shared.read(None, None).await?;
        let before = self.machine().login().ok_or(Error::NotLoggedIn)?;
        // Among the user's sessions it stays as old as it is.
        let facts = LoginFacts { at: self.config().clock.now().as_millis(), place: Some(before.order().0), ..before };
        let text = encode(&facts).map_err(|reason| refused(LOGIN, reason, &self.config().limits))?;
        self.store_at_once(|machine, config| machine.confirm_login(&text, config)).await
    }

    /// Notes the tag first: a session must not be there before its tag leads to it.
    async fn note_and_store(&self, login: &Login, facts: &LoginFacts) -> Result<(), E> {
        let lifespan = login.lifespan(facts.at());
        if let Some(tag) = &login.tag {
            let (lifetime, at) = (&self.config().lifetime, facts.at());
            let life = match lifespan {
                Lifespan::Own { idle_timeout, until } => Life { idle_timeout, absolute_deadline: Some(until) },
                Lifespan::Managers => Life {
                    idle_timeout: lifetime.idle_timeout,
                    absolute_deadline: lifetime.absolute.map(|lifetime| at + lifetime),
                },
            };
            self.machine().check_login(login, self.config())?;
            self.shared.tags().note_login(tag, &login.principal, life).await?;
        }
        #[cfg(feature = "import")]
        if self.config().takes_over && lifespan == Lifespan::Managers {
            // Boxed, because it is rare.
            return Box::pin(self.store_login_anew(login, facts)).await;
        }
        self.store_login(login, facts, lifespan).await
    }

    pub(super) async fn store_login(&self, login: &Login, facts: &LoginFacts, lifespan: Lifespan) -> Result<(), E> {
        let text = encode(facts).map_err(|reason| refused(LOGIN, reason, &self.config().limits))?;
        let label = self.encode_label(login.label.as_deref().unwrap_or_default())?;
        let tag = login.tag.as_deref().map(encode).transpose();
        let tag = tag.map_err(|reason| refused(TAG, reason, &self.config().limits))?;
        self.store_at_once(|machine, config| {
            machine.log_in(login, &text, label.as_ref(), tag.as_ref(), lifespan, config)
        })
        .await
    }

    /// Records a login and stores it.
    async fn store_at_once(&self, record: impl FnOnce(&mut Machine, &Config) -> Result<(), Error>) -> Result<(), E> {
        record(&mut self.machine(), self.config())?;
        // Whatever is not stored now must not be stored later, when nobody looks at the limit.
        let mut withdrawal = Withdrawal { shared: &self.shared, is_due: true };
        let saved = self.shared.store(Progress::saving()).await?.saved();
        withdrawal.is_due = false;
        if saved == Saved::Gone { Err(Error::Gone.into()) } else { Ok(()) }
    }

    /// A label as it is stored; `None` if it is empty.
    fn encode_label(&self, label: &str) -> Result<Option<Encoded>, E> {
        let encoded = Some(label).filter(|label| !label.is_empty()).map(encode).transpose();
        Ok(encoded.map_err(|reason| refused(LABEL, reason, &self.config().limits))?)
    }

    /// Logs the user out: the same as [`destroy`](Self::destroy).
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// session.log_out();
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    #[doc(alias = "logout")]
    pub fn log_out(&self) {
        self.destroy();
    }

    /// Sets what the user recognises this device by, for example to a name that they choose. An empty label removes it.
    ///
    /// # Errors
    ///
    /// [`Error::Login`] if the label is longer than [`Login::MAX_LABEL_BYTES`] or contains control characters; otherwise same
    /// as [`remove`](Self::remove).
    pub fn set_label(&self, label: &str) -> Result<(), E> {
        check_label(label).map_err(Error::from)?;
        let label = self.encode_label(label)?;
        Ok(self.machine().set_label(label.as_ref(), self.config())?)
    }

    /// When the user of this session has [logged in](Self::log_in); `None` if nobody is logged in, or only a principal was set
    /// (ASVS 7.5.1).
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the storage fails.
    pub async fn authenticated_at(&self) -> Result<Option<Timestamp>, E> {
        self.shared.read(Some(&[LOGIN]), None).await?;
        Ok(self.machine().login().as_ref().map(LoginFacts::at))
    }

    /// Requires that the user has [logged in](Self::log_in) at most `age` ago, for pages that change a password or spend money
    /// (ASVS 7.5.3). With an `age` of zero only a login of this very millisecond is recent enough.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// # let session = gsession::AsyncManager::new(gsession::MemoryStorage::new()).begin(None, gsession::ClientInfo::default);
    /// use std::time::Duration;
    /// use gsession::Error;
    ///
    /// let five_minutes = Duration::from_secs(300);
    /// assert!(matches!(session.require_recent(five_minutes).await, Err(Error::NotLoggedIn)));
    /// session.log_in("ada").await?;
    /// session.require_recent(five_minutes).await?;
    /// # Ok::<(), gsession::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NotLoggedIn`] if the session has no principal, [`Error::LoginNotRecent`] if the login was earlier, or its time is not
    /// known, because only a principal was set: then [`log_in`](Self::log_in) helps, and [`confirm_login`](Self::confirm_login) does not; [`Error::Storage`] if the storage fails.
    pub async fn require_recent(&self, age: Duration) -> Result<(), E> {
        self.shared.read(Some(&[LOGIN]), None).await?;
        let (principal, login) = {
            let machine = self.machine();
            (machine.principal(), machine.login())
        };
        match (principal, login) {
            (None, _) => Err(Error::NotLoggedIn.into()),
            (Some(_), Some(login)) if is_recent(login.at(), age, self.config().clock.now()) => Ok(()),
            (Some(_), _) => Err(Error::LoginNotRecent.into()),
        }
    }
}

/// Withdraws a login that failed, or whose future was dropped.
struct Withdrawal<'a> {
    shared: &'a Shared,
    is_due: bool,
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        if self.is_due {
            self.shared.machine.lock().withdraw_login();
        }
    }
}

/// Whether a login at this time was at most `age` ago. One in the future was not, beyond what the clocks of two machines differ.
fn is_recent(at: Timestamp, age: Duration, now: Timestamp) -> bool {
    const SKEW: Duration = Duration::from_secs(60);
    now <= at + age && at <= now + SKEW
}
