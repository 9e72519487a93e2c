//! A request that presents cookies of another library.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{Import, PeerLookup, PeerProtection, PeerValue};
use crate::{
    ClientInfo, StorageError, StorageErrorKind, Timestamp,
    http::{FieldName, FieldValue, IdLocation, ResponseHeaders, caching::not_stored, cookie},
    session::{Inheritance, PeerId, Peers, Presented, Theirs},
    storage::StorageFuture,
};

/// The most cookies of the name whose protection is checked.
const MOST: usize = 16;
/// The most of those that are genuine and looked up: as many as ids of the session.
const MOST_GENUINE: usize = 4;
/// How long the other library's store may take.
const PATIENCE: Duration = Duration::from_secs(5);
const ASKING: &str = "asking the store of another library";

/// A request that presents cookies of another library.
pub(in crate::http) struct Presenter {
    import: Import,
    raw: Vec<String>,
    client: ClientInfo,
    /// What they say, once that is needed.
    opened: OnceLock<(Vec<PeerValue>, Presented)>,
    is_forgotten: AtomicBool,
    is_taken_over: AtomicBool,
}

impl Import {
    /// What a request presents, if anything. `lines` returns the raw lines of its `Cookie` field.
    pub(in crate::http) fn presented<'a>(&'a self, lines: impl IntoIterator<Item = &'a [u8]>) -> Option<Presenter> {
        let name = self.cookie.as_name();
        let values = lines.into_iter().flat_map(|line| cookie::values(line, name));
        let raw: Vec<_> = values.take(MOST).map(str::to_owned).collect();
        (!raw.is_empty()).then(|| Presenter {
            import: self.clone(),
            raw,
            client: ClientInfo::default(),
            opened: OnceLock::new(),
            is_forgotten: AtomicBool::new(false),
            is_taken_over: AtomicBool::new(false),
        })
    }
}

impl Presenter {
    /// The same of a client of which this is known.
    pub(in crate::http) fn by(self, client: ClientInfo) -> Self {
        Self { client, ..self }
    }

    fn opened(&self) -> &(Vec<PeerValue>, Presented) {
        self.opened.get_or_init(|| {
            let (mut values, mut presented) = (Vec::new(), Presented::default());
            for raw in &self.raw {
                let opened = self.import.cookie.open(raw);
                let id = opened.as_ref().and_then(|value| self.import.store.identity(value)).map(PeerId::of);
                match opened.zip(id) {
                    Some(_) if values.len() == MOST_GENUINE => break,
                    Some((value, id)) => {
                        values.push(value);
                        presented.ids.push(id);
                    }
                    // The session's own cookie may have the same name.
                    None => presented.is_any_refused |= !self.import.is_replaced,
                }
            }
            (values, presented)
        })
    }

    /// Whether the response is to remove the cookie.
    pub(in crate::http) fn removes_cookie(&self) -> bool {
        // A new id replaces one of the same name; a removal could hit it.
        self.is_forgotten.load(Ordering::Acquire) && !self.import.is_replaced
    }

    /// Where the client gets its id: what was in a cookie, which scripts cannot read, goes on in a cookie.
    pub(in crate::http) fn location(&self, otherwise: IdLocation) -> IdLocation {
        if self.is_taken_over.load(Ordering::Acquire) { IdLocation::Cookie } else { otherwise }
    }

    /// Makes the client forget the cookie, if it is to.
    pub(in crate::http) fn deliver(&self, headers: &mut impl ResponseHeaders) {
        if self.removes_cookie() {
            headers.append(FieldName::SetCookie, FieldValue::Text(self.import.cookie.removal()));
            not_stored(headers);
        }
    }

    /// What is to be taken over of what was found.
    fn theirs(&self, found: PeerLookup, now: Timestamp) -> Option<Theirs> {
        let session = match found {
            PeerLookup::Absent => return None,
            PeerLookup::Unreadable(reason) => {
                tracing::warn!(reason, "a session of another library cannot be read");
                let noted_until = self.import.noted_until(None, now);
                return Some(Theirs { is_readable: false, noted_until, inheritance: None });
            }
            PeerLookup::Found(session) => session,
        };
        let ends_at = session.expires_at;
        if ends_at.is_some_and(|ends_at| ends_at <= now) {
            return None;
        }
        let converted = match &self.import.convert {
            Some(convert) => convert(session),
            None => Some(session.into()),
        };
        let inheritance = converted.map(|converted| Inheritance {
            values: converted.values,
            principal: converted.principal,
            ends_at,
        });
        Some(Theirs { is_readable: true, noted_until: self.import.noted_until(ends_at, now), inheritance })
    }
}

impl Peers for Presenter {
    fn presented(&self) -> &Presented {
        &self.opened().1
    }

    fn load(&self, number: usize, now: Timestamp) -> StorageFuture<'_, Option<Theirs>> {
        Box::pin(async move {
            let Some(value) = self.opened().0.get(number).filter(|_| !self.import.is_over(now)) else {
                return Ok(None);
            };
            let found = in_time(self.import.store.load(value, now)).await?;
            Ok(self.theirs(found, now))
        })
    }

    fn lives(&self, number: usize, now: Timestamp) -> StorageFuture<'_, bool> {
        Box::pin(async move {
            let Some(value) = self.opened().0.get(number) else { return Ok(false) };
            let found = in_time(self.import.store.load(value, now)).await?;
            Ok(matches!(found, PeerLookup::Found(session) if session.expires_at.is_none_or(|ends_at| ends_at > now)))
        })
    }

    fn remove(&self, number: usize) -> StorageFuture<'_, ()> {
        Box::pin(async move {
            let Some(value) = self.opened().0.get(number) else { return Ok(()) };
            in_time(self.import.store.remove(value)).await
        })
    }

    fn forget(&self) {
        self.is_forgotten.store(true, Ordering::Release);
    }

    fn forget_ended(&self) {
        let (values, presented) = self.opened();
        // Another service may use the name as well, and of several cookies a removal could hit the wrong one.
        let is_one = values.len() == 1 && !presented.is_any_refused;
        if is_one && self.import.cookie.protection() > PeerProtection::None {
            self.forget();
        }
    }

    fn take_over(&self) {
        self.is_taken_over.store(true, Ordering::Release);
    }

    fn client(&self) -> &ClientInfo {
        &self.client
    }
}

async fn in_time<T>(asked: StorageFuture<'_, T>) -> Result<T, StorageError> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer,
        Err(late) => Err(StorageError::new(StorageErrorKind::Timeout, ASKING).with_source(late)),
    }
}
