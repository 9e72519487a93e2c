//! Handlers that do to their session what the path says: `/do/get,pause,set:cart=1`.

use actix_web::{HttpResponse, Result, error::InternalError, http::StatusCode, web};
use gsession::SessionId;
use gsession_actix::Session;
use serde_json::Value;
use tokio::sync::Notify;

/// Where a handler stands at its `pause` until the test lets it go on.
#[derive(Default)]
pub(crate) struct Meeting {
    pub(crate) arrived: Notify,
    pub(crate) go: Notify,
    /// A handler that stood here was dropped.
    pub(crate) cut_off: Notify,
}

struct Guard<'a>(&'a Meeting);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.cut_off.notify_one();
    }
}

impl Meeting {
    async fn pause(&self) {
        let guard = Guard(self);
        self.arrived.notify_one();
        self.go.notified().await;
        std::mem::forget(guard);
    }
}

fn status(text: &str) -> StatusCode {
    StatusCode::from_u16(text.parse().unwrap()).unwrap()
}

/// Does the steps one after the other and answers what they said, with commas between.
pub(crate) async fn run(
    session: Session,
    steps: web::Path<String>,
    meeting: web::Data<Meeting>,
) -> Result<HttpResponse> {
    let mut said = Vec::new();
    let mut answer = HttpResponse::Ok();
    for step in steps.split(',') {
        let (step, about) = step.split_once(':').unwrap_or((step, ""));
        let key = if about.is_empty() { "user" } else { about };
        match step {
            "hold" => {}
            "get" => {
                let value: Option<Value> = session.get(key).await?;
                said.push(value.map_or_else(|| "-".to_owned(), |value| value.to_string()));
            }
            // As an application that does not care whether the storage works.
            "peek" => said.push(if session.get::<Value>(key).await.is_ok() { "ok" } else { "failed" }.to_owned()),
            "number" => said.push(session.get::<u64>(key).await?.unwrap_or_default().to_string()),
            "data" => said.push(Value::from(session.data().await?).to_string()),
            "info" => said.push(session.info().await?.is_some().to_string()),
            "set" => {
                let (key, value) = about.split_once('=').unwrap_or(("seen", "yes"));
                session.set(key, value)?;
            }
            "fill" => session.set("fill", &"x".repeat(about.parse().unwrap()))?,
            "update" => said.push(session.update(key, |n: Option<u64>| n.unwrap_or(0) + 1).await?.to_string()),
            "remove" => session.remove(key),
            "clear" => session.clear(),
            "destroy" => session.destroy(),
            "renew" => session.renew(),
            "save" => said.push(format!("{:?}", session.save().await?)),
            "passive" => session.set_passive(true),
            "principal" => session.set_principal(about)?,
            "others" => said.push(session.destroy_others().await?.to_string()),
            "id" => said.push(session.id().map_or_else(|| "-".to_owned(), |id| id.as_str().to_owned())),
            "be" => session.set_id(SessionId::custom(about).map_err(actix_web::error::ErrorBadRequest)?)?,
            "pause" => meeting.pause().await,
            "status" => {
                answer.status(status(about));
            }
            "fail" => return Err(InternalError::new("as the test wants", status(about)).into()),
            "panic" => panic!("as the test wants"),
            "cache" => {
                answer.insert_header(("cache-control", about));
            }
            "vary" => {
                answer.append_header(("vary", about));
            }
            other => panic!("not a step: {other}"),
        }
    }
    Ok(answer.body(said.join(",")))
}
