//! The trait of those who are told.

use super::{
    Committed, DecryptionFailed, IdRotated, LoggedIn, LoginConfirmed, NearCacheRead, Refused, SessionCreated,
    SessionEnded, SessionRenewed, StorageCalled, StorageSwept, TheftSuspected,
};

/// Is told what happens to sessions: for metrics, an audit log, alarms ([S19](crate::design#s19), ASVS 16.3.1 to 16.3.3).
///
/// Attach it with [`ManagerBuilder::observer`](crate::ManagerBuilder::observer), or with the method of the same name of a
/// middleware's builder. Each method is for one event and does nothing by default. Implement those you need.
///
/// - **Only facts.** An event is reported after the storage has confirmed it: a logout that fails has not ended the session, and
///   nothing is reported. It is reported once, however often the step was tried, also if the first answer of the storage was lost.
/// - **No secrets.** Events have neither ids nor values. They have [keys](crate::StoreKey), which open nothing; `Debug` shows the
///   beginning of a key. [`LoggedIn`] has the principal, for an audit log; its `Debug` does not show it.
/// - **In the way.** A method is called on the thread of the request, before the response leaves. No lock of the storage is held, but
///   other operations of the same session wait meanwhile, so a method must not wait for one. A method that blocks holds up the
///   request, in async code every request of the thread: put what takes long into a channel.
/// - **A panic** is caught and logged at the level `error`. The request goes on, and nothing of the session is lost; other observers are
///   told as usual. In programs that abort on a panic, it ends the program.
///
/// Several observers are told in the order in which they were attached. The methods may be called by several threads at once.
///
/// ```
/// use gsession::observe::{EndReason, Observer, SessionEnded};
///
/// struct Audit;
///
/// impl Observer for Audit {
///     fn session_ended(&self, event: &SessionEnded) {
///         if event.reason == EndReason::Operator {
///             println!("an operator has ended the session {:?}", event.key);
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync {
    /// A new session is stored.
    fn session_created(&self, event: &SessionCreated) {
        let _ = event;
    }

    /// A user has logged in, and the login is stored.
    fn logged_in(&self, event: &LoggedIn<'_>) {
        let _ = event;
    }

    /// A user has proved once more who they are, and that is stored.
    fn login_confirmed(&self, event: &LoginConfirmed<'_>) {
        let _ = event;
    }

    /// A session has a new id, and the old one is dead: after [`renew`](crate::AsyncSession::renew), a login or its confirmation.
    fn session_renewed(&self, event: &SessionRenewed) {
        let _ = event;
    }

    /// A session has a new id because the old one was [due](crate::ManagerBuilder::rotate_every). Its key stays.
    fn id_rotated(&self, event: &IdRotated) {
        let _ = event;
    }

    /// A session has ended. [`EndReason`](super::EndReason) says which endings are known.
    fn session_ended(&self, event: &SessionEnded) {
        let _ = event;
    }

    /// A request presented something that opens no session, or a login was refused.
    fn refused(&self, event: &Refused) {
        let _ = event;
    }

    /// An id from before a [rotation](crate::ManagerBuilder::rotate_every) was used after its grace period: it may be stolen.
    fn theft_suspected(&self, event: &TheftSuspected) {
        let _ = event;
    }

    /// The changes of a request to an existing session were stored, or dropped.
    fn committed(&self, event: &Committed) {
        let _ = event;
    }

    /// A storage was called. Most requests that use their session make one or two calls.
    fn storage_called(&self, event: &StorageCalled) {
        let _ = event;
    }

    /// A storage has removed what has expired.
    fn storage_swept(&self, event: &StorageSwept) {
        let _ = event;
    }

    /// A session was read, and the storage has a near cache (Redis only).
    fn near_cache_read(&self, event: &NearCacheRead) {
        let _ = event;
    }

    /// A [sealed](crate::storage::sealed) session could not be opened, and counts as absent.
    fn decryption_failed(&self, event: &DecryptionFailed) {
        let _ = event;
    }
}
