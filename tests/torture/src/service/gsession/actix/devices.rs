//! The pages with which a user looks at their devices, and ends them.

use actix_web::{Responder, error::ErrorBadRequest, web};
use gsession::StoreKey;
use gsession_actix::{Session, SessionError};
use serde_json::{Value, json};

use super::{super::super::Query, pages::known};
use crate::target::Sabotage;

pub(super) fn register(pages: &mut web::ServiceConfig) {
    pages
        .route("/devices", web::post().to(list))
        .route("/devices/key", web::post().to(key))
        .route("/devices/end", web::post().to(end))
        .route("/devices/others", web::post().to(others))
        .route("/devices/everywhere", web::post().to(everywhere));
}

type Broken = web::Data<Option<Sabotage>>;

async fn list(session: Session, broken: Broken) -> actix_web::Result<impl Responder> {
    known(&session).await?;
    let mut list = session.list().await?;
    if **broken == Some(Sabotage::MissedDevices) && list.len() > 1 {
        list.pop();
    }
    let shown = list.iter().map(|listed| {
        let label = listed.info.label.as_deref().unwrap_or_default();
        json!({ "label": label, "key": listed.key.to_string(), "is_current": listed.is_current })
    });
    Ok(web::Json(Value::Array(shown.collect())))
}

async fn key(session: Session) -> actix_web::Result<impl Responder> {
    known(&session).await?;
    Ok(session.key().map(|key| key.to_string()).unwrap_or_default())
}

async fn end(session: Session, query: web::Query<Query>) -> actix_web::Result<impl Responder> {
    known(&session).await?;
    let key = StoreKey::parse(&query.key).ok_or_else(|| ErrorBadRequest("not a key"))?;
    Ok(session.end(key).await?.to_string())
}

async fn others(session: Session) -> actix_web::Result<impl Responder> {
    known(&session).await?;
    Ok(session.destroy_others().await?.to_string())
}

async fn everywhere(session: Session, broken: Broken) -> actix_web::Result<impl Responder> {
    known(&session).await?;
    let ended = match **broken {
        Some(Sabotage::HalfEverywhere) => all_but_one(&session).await?,
        _ => session.destroy_everywhere().await?,
    };
    Ok(ended.to_string())
}

/// As a sabotage: ends all but the one that was used least recently.
async fn all_but_one(session: &Session) -> Result<u64, SessionError> {
    let mut others = session.list().await?;
    others.retain(|listed| !listed.is_current);
    let mut ended = 0;
    for listed in others.iter().rev().skip(1) {
        ended += u64::from(session.end(listed.key).await?);
    }
    session.destroy();
    Ok(ended)
}
