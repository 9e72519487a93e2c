//! A middleware around that of the sessions: it uses them when the response has been made already.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    web,
};
use gsession::{AsyncManager, ClientInfo, SessionId};
use gsession_actix::{Session, SessionError, SessionExt as _};

use super::super::super::{Late, Query};
use crate::{client::LATE, target::Sabotage};

/// What the middleware knows.
#[derive(Clone)]
pub(super) struct Outside {
    sabotage: Option<Sabotage>,
    /// To write by another way, as a sabotage.
    manager: AsyncManager,
    admits: Arc<AtomicBool>,
}

impl Outside {
    pub(super) fn new(sabotage: Option<Sabotage>, manager: AsyncManager) -> Self {
        Self { sabotage, manager, admits: Arc::default() }
    }

    pub(super) async fn around(
        self,
        mut request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        let query = web::Query::<Query>::from_query(request.query_string())?.into_inner();
        if self.sabotage == Some(Sabotage::FirstCookie) {
            keep_the_first_cookie(request.headers_mut());
        }
        let mut response = next.call(request).await?;
        match query.after {
            Late::Nothing => {}
            Late::Write => {
                let accepted = self.write(&response.get_session(), &query).await;
                let said = if accepted { "accepted" } else { "refused" };
                response.headers_mut().insert(HeaderName::from_static(LATE), HeaderValue::from_static(said));
            }
            Late::Destroy if self.sabotage == Some(Sabotage::LateDestroys) => {}
            Late::Destroy => response.get_session().destroy(),
        }
        Ok(response)
    }

    /// Tries to write. Gives back whether any of it was accepted.
    async fn write(&self, session: &Session, query: &Query) -> bool {
        if self.sabotage == Some(Sabotage::LateWrites) {
            // In turn: what is accepted and not stored, and what is stored and not admitted.
            if self.admits.fetch_xor(true, Ordering::Relaxed) {
                return true;
            }
            if let Some(id) = session.id() {
                let _ = self.store(id, query).await; // if not, nothing was sabotaged
            }
            return false;
        }
        let outcomes: [Result<(), SessionError>; 4] = [
            session.set(&query.key, &query.value),
            session.renew(),
            session.set_principal("somebody else"),
            session.save().await.map(drop),
        ];
        outcomes.iter().any(Result::is_ok)
    }

    async fn store(&self, id: SessionId, query: &Query) -> Result<(), gsession::Error> {
        let session = self.manager.begin(Some(id.as_str()), ClientInfo::default);
        session.set(&query.key, &query.value)?;
        session.save().await.map(drop)
    }
}

fn keep_the_first_cookie(headers: &mut HeaderMap) {
    let first = headers.get(COOKIE).and_then(|line| line.to_str().ok()?.split(';').next()?.parse().ok());
    if let Some(first) = first {
        headers.insert(COOKIE, first);
    }
}
