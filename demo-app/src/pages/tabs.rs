//! Two tabs, or forty requests, write to one session at the same time, and nothing is lost.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use gsession_actix::Session;
use serde::{Deserialize, Serialize};

use super::{
    current_user::user,
    layout::{Layout, TokenForm, html},
};
use crate::{csrf, error::PageError, redirect::see_other};

const COUNTER: &str = "counter";
/// The prefix of the keys that bursts write: `burst.TAB.NUMBER`, with the number of the burst as value.
pub(crate) const PREFIX: &str = "burst.";
/// The number of requests in one burst.
const REQUESTS: u32 = 40;
/// The pause between read and write in each request, so that they overlap.
const HOLD: Duration = Duration::from_millis(50);

#[derive(Template)]
#[template(path = "tabs.html")]
struct TabsPage {
    layout: Layout,
    counter: u64,
    requests: u32,
}

/// One burst of a tab.
#[derive(Deserialize)]
pub(crate) struct Burst {
    tab: String,
    burst: u32,
}

/// One request of a burst.
#[derive(Deserialize)]
pub(crate) struct Write {
    csrf: Option<String>,
    tab: String,
    burst: u32,
    n: u32,
}

#[derive(Serialize)]
struct State {
    /// The requests of this burst whose entries are in the session.
    kept: Vec<u32>,
    counter: u64,
}

/// The key for one request of a tab. The next burst of the tab reuses it, so that a tab never fills the session.
fn key(tab: &str, n: u32) -> Result<String, PageError> {
    let is_name = (1..=16).contains(&tab.len()) && tab.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_name && n < REQUESTS { Ok(format!("{PREFIX}{tab}.{n:02}")) } else { Err(PageError::Nonsense) }
}

pub(crate) async fn show(session: Session) -> Result<HttpResponse, PageError> {
    user(&session, "/tabs").await?;
    let layout = Layout::of("Two tabs", &session).await?;
    let counter = session.get_or(COUNTER, 0).await?;
    html(&TabsPage { layout, counter, requests: REQUESTS })
}

async fn add_one(session: &Session) -> Result<u64, PageError> {
    Ok(session.update(COUNTER, |n: Option<u64>| n.unwrap_or(0).saturating_add(1)).await?)
}

/// The counter's button, for browsers without scripts too.
pub(crate) async fn count(
    session: Session,
    request: HttpRequest,
    form: web::Form<TokenForm>,
) -> Result<HttpResponse, PageError> {
    user(&session, "/tabs").await?;
    csrf::check(&session, &request, form.csrf.as_deref()).await?;
    add_one(&session).await?;
    Ok(see_other("/tabs"))
}

/// One of many overlapping requests: reads the session, waits, and writes an entry of its own.
pub(crate) async fn write(
    session: Session,
    request: HttpRequest,
    form: web::Form<Write>,
) -> Result<HttpResponse, PageError> {
    user(&session, "/tabs").await?;
    csrf::check(&session, &request, form.csrf.as_deref()).await?;
    let key = key(&form.tab, form.n)?;
    tokio::time::sleep(HOLD).await;
    session.set(&key, &form.burst)?;
    let counter = add_one(&session).await?;
    Ok(HttpResponse::Ok().json(counter))
}

/// Which entries of a burst are in the session.
pub(crate) async fn state(session: Session, of: web::Query<Burst>) -> Result<HttpResponse, PageError> {
    user(&session, "/tabs").await?;
    let keys = (0..REQUESTS).map(|n| key(&of.tab, n)).collect::<Result<Vec<_>, _>>()?;
    let held = session.get_many(&keys.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    let is_kept = |key: &String| held.get(key).is_some_and(|burst| *burst == of.burst);
    let kept = (0..REQUESTS).zip(&keys).filter(|(_, key)| is_kept(key)).map(|(n, _)| n).collect();
    let counter = session.get_or(COUNTER, 0).await?;
    Ok(HttpResponse::Ok().json(State { kept, counter }))
}

/// Removes the entries of all bursts.
pub(crate) async fn clear(
    session: Session,
    request: HttpRequest,
    form: web::Form<TokenForm>,
) -> Result<HttpResponse, PageError> {
    user(&session, "/tabs").await?;
    csrf::check(&session, &request, form.csrf.as_deref()).await?;
    let data = session.data().await?;
    session.remove_many(data.keys().filter(|key| key.starts_with(PREFIX)))?;
    session.remove(COUNTER)?;
    Ok(see_other("/tabs"))
}
