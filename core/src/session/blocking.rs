//! The blocking driver.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    Closed, Config, Delivery, ListedSession, Saved, SessionInfo,
    alteration::Alteration,
    machine::Machine,
    methods::session_methods,
    steps::{MAX_UPDATE_TRIES, Progress, Reply, Step, Update},
    values::{self, refused},
};
use crate::{
    ClientInfo, Error, SessionId, Storage, StoreKey, Timestamp,
    manager::remove_through_blocking as remove_through,
    record::encode,
    storage::{Leads, Trail},
};

/// A session during one request, over a blocking storage. Clones are the same session; it may be shared between threads.
///
/// Got from [`Manager::session`](crate::Manager::session). Nothing happens in the storage before the first read or
/// [`save`](Self::save); at the end of the request, call [`close`](Self::close).
///
/// ```
/// use gsession::{ClientInfo, Delivery, Manager, MemoryStorage};
///
/// let manager = Manager::new(MemoryStorage::new());
///
/// let first = manager.session(None, ClientInfo::default());
/// first.set("user", "ada")?;
/// let Delivery::Send { id, .. } = first.close()?.delivery else { panic!("a new session has an id to send") };
///
/// let second = manager.session(Some(id.as_str()), ClientInfo::default());
/// assert_eq!(second.get::<String>("user")?.as_deref(), Some("ada"));
/// # second.close()?;
/// # Ok::<(), gsession::Error>(())
/// ```
#[derive(Clone)]
pub struct Session(Arc<Shared>);

struct Shared {
    storage: Arc<dyn Storage>,
    config: Arc<Config>,
    machine: Mutex<Machine>,
    /// One storage operation at a time, so that two readers of one session read once.
    io: Mutex<()>,
}

impl Session {
    pub(crate) fn new(storage: Arc<dyn Storage>, config: Arc<Config>, machine: Machine) -> Self {
        Self(Arc::new(Shared { storage, config, machine: Mutex::new(machine), io: Mutex::new(()) }))
    }
}

session_methods!(
    Session, [], [],
    setup: "# let manager = gsession::Manager::new(gsession::MemoryStorage::new());\n# let session = manager.session(None, gsession::ClientInfo::default());",
    wait: "",
    end: "# session.abandon();\n# Ok::<(), gsession::Error>(())"
);
