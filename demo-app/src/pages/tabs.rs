//! Two tabs, or forty requests, that write to one session at once, and lose nothing.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use gsession_actix::Session;
use serde::{Deserialize, Serialize};

use super::{BareForm, Frame, PageError, html, see_other, user};
use crate::csrf;

const COUNTER: &str = "counter";
const PREFIX: &str = "burst.";
/// So long each write holds on to what it has read, so that all of them overlap.
const HOLD: Duration = Duration::from_millis(50);

#[derive(Template)]
#[template(path = "tabs.html")]
struct TabsPage {
    frame: Frame,
    counter: u64,
}

#[derive(Deserialize)]
pub(crate) struct Write {
    tab: String,
    n: u32,
}

#[derive(Deserialize)]
pub(crate) struct Tab {
    tab: String,
}

#[derive(Serialize)]
struct State {
    /// Entries that this tab has written and the session has kept.
    kept: usize,
    /// Entries of all tabs.
    kept_of_all: usize,
    counter: u64,
}

pub(crate) async fn show(session: Session) -> Result<HttpResponse, PageError> {
    user(&session, "/tabs").await?;
    let frame = Frame::of("Two tabs at once", &session).await?;
    let counter = session.get_or(COUNTER, 0).await?;
    html(&TabsPage { frame, counter })
}

async fn add_one(session: &Session) -> Result<u64, PageError> {
    Ok(session.update(COUNTER, |n: Option<u64>| n.unwrap_or(0).saturating_add(1)).await?)
}

/// The counter's button, for browsers without scripts too.
pub(crate) async fn count(
    session: Session,
    request: HttpRequest,
    form: web::Form<BareForm>,
) -> Result<HttpResponse, PageError> {
    user(&session, "/tabs").await?;
    csrf::check(&session, &request, form.csrf.as_deref()).await?;
    add_one(&session).await?;
    Ok(see_other("/tabs"))
}

/// One of many overlapping requests: reads the session, holds on to it, and writes an entry of its own.
pub(crate) async fn write(
    session: Session,
    request: HttpRequest,
    form: web::Form<Write>,
) -> Result<HttpResponse, PageError> {
    csrf::check(&session, &request, None).await?;
    let tab: String = form.tab.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    tokio::time::sleep(HOLD).await;
    session.set(&format!("{PREFIX}{tab}.{}", form.n % 1000), &form.n)?;
    let counter = add_one(&session).await?;
    Ok(HttpResponse::Ok().json(counter))
}

pub(crate) async fn state(session: Session, tab: web::Query<Tab>) -> Result<HttpResponse, PageError> {
    user(&session, "/tabs").await?;
    let data = session.data().await?;
    let of_tab = format!("{PREFIX}{}.", tab.tab);
    let count = |prefix: &str| data.keys().filter(|key| key.starts_with(prefix)).count();
    let counter = session.get_or(COUNTER, 0).await?;
    Ok(HttpResponse::Ok().json(State { kept: count(&of_tab), kept_of_all: count(PREFIX), counter }))
}

/// Removes what the bursts have written.
pub(crate) async fn clear(
    session: Session,
    request: HttpRequest,
    form: web::Form<BareForm>,
) -> Result<HttpResponse, PageError> {
    user(&session, "/tabs").await?;
    csrf::check(&session, &request, form.csrf.as_deref()).await?;
    let data = session.data().await?;
    session.remove_many(data.keys().filter(|key| key.starts_with(PREFIX)));
    session.remove(COUNTER);
    Ok(see_other("/tabs"))
}
