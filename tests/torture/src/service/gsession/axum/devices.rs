//! The pages with which a user looks at their devices, and ends them.

use axum::{Json, Router, extract::Query as From, http::StatusCode, response::Result, routing::post};
use gsession::{StoreKey, tower::Session};
use serde_json::{Value, json};

use super::{super::super::Query, Everything, pages::known};

pub(super) fn routes() -> Router<Everything> {
    Router::new()
        .route("/devices", post(list))
        .route("/devices/key", post(key))
        .route("/devices/end", post(end))
        .route("/devices/others", post(others))
        .route("/devices/everywhere", post(everywhere))
}

async fn list(session: Session) -> Result<Json<Value>> {
    known(&session).await?;
    let list = session.list().await?;
    let shown = list.iter().map(|listed| {
        let label = listed.info.label.as_deref().unwrap_or_default();
        json!({ "label": label, "key": listed.key.to_string(), "is_current": listed.is_current })
    });
    Ok(Json(Value::Array(shown.collect())))
}

async fn key(session: Session) -> Result<String> {
    known(&session).await?;
    Ok(session.key().map(|key| key.to_string()).unwrap_or_default())
}

async fn end(session: Session, From(query): From<Query>) -> Result<String> {
    known(&session).await?;
    let key = StoreKey::parse(&query.key).ok_or(StatusCode::BAD_REQUEST)?;
    Ok(session.end(key).await?.to_string())
}

async fn others(session: Session) -> Result<String> {
    known(&session).await?;
    Ok(session.destroy_others().await?.to_string())
}

async fn everywhere(session: Session) -> Result<String> {
    known(&session).await?;
    Ok(session.destroy_everywhere().await?.to_string())
}
