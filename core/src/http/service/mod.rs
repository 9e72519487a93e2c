//! What the middlewares of all frameworks have in common.
//!
//! | file | what |
//! |---|---|
//! | `mod` | the parts of a middleware: [`Service`], [`Framework`] |
//! | `place` | a request's session: created on first use, found through nested middlewares: [`Place`] |
//! | `guard` | a request on its way through a middleware, and its end: [`RequestGuard`] |
//! | `late_logouts` | logouts that outlast their request |

mod guard;
mod late_logouts;
mod place;

use std::{fmt, future::Future, sync::Arc, time::Duration};

pub use guard::RequestGuard;
use late_logouts::LateLogouts;
pub use place::Place;

#[cfg(feature = "import")]
use super::import::Import;
use super::{ConfigError, ServiceSettings, Transport};
use crate::{AsyncManager, Error, IntoStorage};

/// The types of a framework that an integration works with.
pub trait Framework: 'static {
    /// The name of a header field.
    type HeaderName: for<'a> TryFrom<&'a str> + Send + Sync + 'static;
    /// The error of the session that handlers get.
    type Error: From<Error> + 'static;
    /// What is kept of a request for its session, apart from the framework's own request.
    type Request: 'static;
}

/// The parts of a middleware: a manager, a transport, and logouts that go on in the background. Clones share them.
///
/// An integration keeps one in its middleware, and gives each request a [`Place`] for its session. The source of
/// `gsession-actix` and of [`gsession::tower`](crate::tower) shows how.
pub struct Service<F: Framework>(Arc<Parts<F>>);

struct Parts<F: Framework> {
    manager: AsyncManager,
    /// The same manager, for requests: what they destroy after their end is ended in the background.
    requests: AsyncManager,
    transport: Transport,
    /// The custom session header, parsed once.
    custom_header: Option<F::HeaderName>,
    late_logouts: LateLogouts,
    #[cfg(feature = "import")]
    import: Option<Import>,
}

impl<F: Framework> Parts<F> {
    fn of(manager: AsyncManager, transport: Transport, shutdown_timeout: Duration) -> Self {
        let late_logouts = LateLogouts::new(shutdown_timeout);
        let late = late_logouts.clone();
        let requests = manager.clone().end_late_with(move |session| late.carry_out(session));
        // Both accept the same names, those of RFC 9110.
        let custom_header = transport.custom_header().and_then(|name| F::HeaderName::try_from(name).ok());
        Self {
            manager,
            requests,
            transport,
            custom_header,
            late_logouts,
            #[cfg(feature = "import")]
            import: None,
        }
    }
}

impl<F: Framework> Service<F> {
    /// Sessions in `storage`, with the default settings.
    #[must_use]
    pub fn new(storage: impl IntoStorage) -> Self {
        let transport = Transport::default();
        let manager = AsyncManager::new(storage).in_realm(transport.realm());
        Self(Arc::new(Parts::of(manager, transport, ServiceSettings::SHUTDOWN_TIMEOUT)))
    }

    /// Other settings.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Lifetime`] if every session would end at once, a user may have none, or the settings of the
    /// rotation are invalid; another [`ConfigError`] if sessions of another library cannot be taken over as is set.
    #[cfg_attr(not(feature = "import"), allow(unused_mut, reason = "nothing is imported"))]
    pub fn configured(transport: Transport, mut settings: ServiceSettings) -> Result<Self, ConfigError> {
        #[cfg(feature = "import")]
        let import = settings.import.take();
        let (manager, shutdown_timeout) = settings.build(&transport)?;
        #[cfg(feature = "import")]
        let manager = if import.is_some() { manager.taking_over() } else { manager };
        #[cfg_attr(not(feature = "import"), allow(unused_mut, reason = "nothing is imported"))]
        let mut parts = Parts::of(manager, transport, shutdown_timeout);
        #[cfg(feature = "import")]
        if let Some(import) = import {
            parts.import = Some(import.check(&parts.transport, parts.manager.key_scheme())?);
        }
        Ok(Self(Arc::new(parts)))
    }

    /// The manager of the sessions.
    #[must_use]
    pub fn manager(&self) -> &AsyncManager {
        &self.0.manager
    }

    /// Where ids travel.
    #[must_use]
    pub fn transport(&self) -> &Transport {
        &self.0.transport
    }

    /// The framework's name of the [custom session header](Transport::custom_header).
    #[must_use]
    pub fn custom_header(&self) -> Option<&F::HeaderName> {
        self.0.custom_header.as_ref()
    }

    /// Blocks until the logouts in the background are done, at most for the
    /// [`shutdown_timeout`](super::Builder::shutdown_timeout), which begins with the first call.
    pub fn wait_for_logouts(&self) {
        self.0.late_logouts.wait();
    }

    /// Same as [`wait_for_logouts`](Self::wait_for_logouts), without blocking the thread. Needs a tokio runtime with its
    /// timer around it.
    pub fn logouts_done(&self) -> impl Future<Output = ()> + Send + use<F> {
        let late_logouts = self.0.late_logouts.clone();
        async move { late_logouts.done().await }
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<F: Framework> Clone for Service<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F: Framework> fmt::Debug for Service<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { manager, transport, late_logouts, .. } = &*self.0;
        f.debug_struct("Service")
            .field("manager", manager)
            .field("transport", transport)
            .field("late_logouts", late_logouts)
            .finish()
    }
}
