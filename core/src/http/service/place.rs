//! The place of a session in a request: created by the middleware, filled when the session is first used.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use super::{Framework, Parts, Service};
#[cfg(feature = "import")]
use crate::http::import::Presenter;
use crate::{
    AsyncSession, ClientInfo, Delivery, Error, Exchange, Finished, Timestamp,
    http::{FieldName, IdLocation, ResponseHeaders},
};

const NAME_IS_TAKEN: &str = "two different session middlewares around one handler use the same cookie or header name, so each \
    would mistake the other's ids for its own: rename one (cookie_name, header_name), or clone one middleware";

/// The place of a request's session in the innermost middleware, and the places in the middlewares around it. The
/// framework keeps it with the request. Clones are the same place.
///
/// A request that does not use its session costs one allocation ([H7](crate::design#h7)).
pub struct Place<F: Framework> {
    own: Arc<Own<F>>,
    outer: Option<Arc<Self>>,
}

struct Own<F: Framework> {
    service: Service<F>,
    request: F::Request,
    begun: OnceLock<Begun<F::Error>>,
    /// When the request arrived. Its handler may use the session long after: what was sent before a renewal could not
    /// know of it.
    arrived: Timestamp,
    is_passive: AtomicBool,
    /// Whether the middleware is done with the request.
    is_closed: AtomicBool,
}

struct Begun<E> {
    exchange: Exchange,
    session: AsyncSession<E>,
    location: IdLocation,
    /// The cookies of another library that the request presents.
    #[cfg(feature = "import")]
    presenter: Option<Arc<Presenter>>,
}

/// What is known about a client, for ids.
#[cfg(feature = "import")]
enum Client<A> {
    Known(ClientInfo),
    Asked(A),
}

#[cfg(feature = "import")]
impl<A: FnOnce() -> ClientInfo> Client<A> {
    fn get(self) -> ClientInfo {
        match self {
            Self::Known(client) => client,
            Self::Asked(ask) => ask(),
        }
    }
}

impl<F: Framework> Place<F> {
    /// The place of a request inside of those that it already has, and whether it is new: a middleware that is applied
    /// again uses its existing place.
    pub(super) fn inside(
        service: &Service<F>,
        outer: Option<&Self>,
        request: impl FnOnce() -> F::Request,
    ) -> Result<(Self, bool), Error> {
        // Places of middlewares that are done are dropped: the request has passed through them before.
        let outer = outer.and_then(Self::first_open).cloned().map(Arc::new);
        let again = outer.as_ref().and_then(|outer| outer.of_the_same_name(service));
        if again.as_ref().is_some_and(|own| !own.service.is(service)) {
            return Err(Error::Detached(NAME_IS_TAKEN));
        }
        let is_first = again.is_none();
        let own = again.unwrap_or_else(|| {
            Arc::new(Own {
                service: service.clone(),
                request: request(),
                begun: OnceLock::new(),
                arrived: service.manager().now(),
                is_passive: AtomicBool::new(outer.as_ref().is_some_and(|outer| outer.is_passive())),
                is_closed: AtomicBool::new(false),
            })
        });
        Ok((Self { own, outer }, is_first))
    }

    /// A place with the session of this exchange, outside any request: for tests of handlers.
    #[must_use]
    pub fn with(service: Service<F>, exchange: Exchange, request: F::Request) -> Self {
        let session = exchange.session().with_errors();
        let begun = OnceLock::from(Begun {
            exchange,
            session,
            location: IdLocation::Both,
            #[cfg(feature = "import")]
            presenter: None,
        });
        let (is_passive, is_closed) = (AtomicBool::new(false), AtomicBool::new(false));
        let arrived = service.manager().now();
        Self { own: Arc::new(Own { service, request, begun, arrived, is_passive, is_closed }), outer: None }
    }

    /// The innermost place whose middleware is not done yet; if all are, this one.
    #[must_use]
    pub fn innermost(&self) -> &Self {
        self.first_open().unwrap_or(self)
    }

    fn first_open(&self) -> Option<&Self> {
        if self.own.is_closed.load(Ordering::Acquire) { self.outer.as_ref()?.first_open() } else { Some(self) }
    }

    /// The place, here or further out, of a middleware that reads ids from the same cookie or header.
    fn of_the_same_name(&self, service: &Service<F>) -> Option<Arc<Own<F>>> {
        if self.own.service.transport().shares_a_name(service.transport()) {
            return Some(Arc::clone(&self.own));
        }
        self.outer.as_ref()?.of_the_same_name(service)
    }

    /// The place of the session whose cookie or header has this name, here or further out.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Self> {
        if self.own.service.transport().is_named(name) { Some(self) } else { self.outer.as_ref()?.named(name) }
    }

    /// The place in the middleware around this one.
    #[must_use]
    pub fn outer(&self) -> Option<&Self> {
        self.outer.as_deref()
    }

    /// The middleware.
    #[must_use]
    pub fn service(&self) -> &Service<F> {
        &self.own.service
    }

    /// What is kept of the request.
    #[must_use]
    pub fn request(&self) -> &F::Request {
        &self.own.request
    }

    /// Marks the request as passive for this session and those around it: reading does not extend them
    /// ([S7](crate::design#s7)).
    pub fn set_passive(&self) {
        self.own.is_passive.store(true, Ordering::Release);
        if let Some(begun) = self.own.begun.get() {
            begun.exchange.set_passive(true);
        }
        if let Some(outer) = &self.outer {
            outer.set_passive();
        }
    }

    fn is_passive(&self) -> bool {
        self.own.is_passive.load(Ordering::Acquire)
    }

    /// The session, created on first use. `lines` returns the raw lines of a field of the request. `is_passive` is
    /// whether the request was marked as passive before it arrived.
    pub fn session<'a, I: IntoIterator<Item = &'a [u8]>>(
        &'a self,
        lines: impl Fn(FieldName<'a>) -> I + Copy,
        client: impl FnOnce() -> ClientInfo,
        is_passive: impl FnOnce() -> bool,
    ) -> &'a AsyncSession<F::Error> {
        let begin = || {
            let begun = self.begin(lines, client);
            if self.is_passive() || is_passive() {
                begun.exchange.set_passive(true);
            }
            begun
        };
        let begun = self.own.begun.get_or_init(begin);
        // The request may have ended on another thread while this one began to use its session.
        if self.own.is_closed.load(Ordering::SeqCst) && !begun.exchange.is_closed() {
            begun.exchange.end();
        }
        &begun.session
    }

    fn begin<'a, I: IntoIterator<Item = &'a [u8]>>(
        &'a self,
        lines: impl Fn(FieldName<'a>) -> I + Copy,
        client: impl FnOnce() -> ClientInfo,
    ) -> Begun<F::Error> {
        let parts = &*self.own.service.0;
        #[cfg(feature = "import")]
        let presented = parts.import.as_ref().and_then(|import| import.presented(lines(FieldName::Cookie)));
        #[cfg(feature = "import")]
        let (client, presenter) = match presented {
            None => (Client::Asked(client), None),
            Some(presented) => {
                let client = client();
                (Client::Known(client.clone()), Some(Arc::new(presented.by(client))))
            }
        };
        #[cfg(feature = "import")]
        let client = || client.get();
        let mut exchange = parts.requests.begin(parts.transport.candidates(lines), client).arrived_at(self.own.arrived);
        #[cfg(feature = "import")]
        if let Some(presenter) = &presenter {
            exchange = exchange.or_of(Arc::clone(presenter) as _);
        }
        if parts.transport.client_keeps_expiry() {
            exchange = exchange.client_keeps_expiry();
        }
        if self.own.is_closed.load(Ordering::Acquire) {
            exchange.discard();
        }
        let location = parts.transport.location(lines, |text| parts.manager.accepts(text));
        Begun {
            session: exchange.session().with_errors(),
            exchange,
            location,
            #[cfg(feature = "import")]
            presenter,
        }
    }

    /// The request's session, if it was used.
    pub(super) fn used(&self) -> Option<&Exchange> {
        self.own.begun.get().map(|begun| &begun.exchange).filter(|exchange| exchange.was_used())
    }

    /// Whether the end of the request leaves a trace in its response.
    #[must_use]
    pub fn tells(&self, finished: &Finished) -> bool {
        let never_stored = finished.logged_in && self.own.service.transport().no_store_when_logged_in();
        finished.delivery != Delivery::Keep || never_stored || self.removes_cookie()
    }

    /// Whether the response removes the cookie of another library.
    fn removes_cookie(&self) -> bool {
        #[cfg(feature = "import")]
        return self
            .own
            .begun
            .get()
            .and_then(|begun| begun.presenter.as_ref())
            .is_some_and(|peer| peer.removes_cookie());
        #[cfg(not(feature = "import"))]
        false
    }

    /// Writes what the client and caches must know into the response.
    pub fn deliver(&self, finished: &Finished, headers: &mut impl ResponseHeaders) {
        let Some(Begun {
            location,
            #[cfg(feature = "import")]
            presenter,
            ..
        }) = self.own.begun.get()
        else {
            return;
        };
        let Parts { manager, transport, .. } = &*self.own.service.0;
        #[cfg(feature = "import")]
        let location = &presenter.as_ref().map_or(*location, |presenter| presenter.location(*location));
        transport.deliver(&finished.delivery, *location, || manager.now(), finished.logged_in, headers);
        #[cfg(feature = "import")]
        if let Some(presenter) = presenter {
            presenter.deliver(headers);
        }
    }

    /// The middleware is done. From now on the session, used or not, can only be read or destroyed
    /// ([S9](crate::design#s9)). A destroy that could not be carried out is retried in the background.
    pub(super) fn end(&self) {
        self.own.is_closed.store(true, Ordering::SeqCst);
        if let Some(begun) = self.own.begun.get() {
            begun.exchange.end();
        }
    }
}

impl<F: Framework> Clone for Place<F> {
    fn clone(&self) -> Self {
        Self { own: Arc::clone(&self.own), outer: self.outer.clone() }
    }
}
