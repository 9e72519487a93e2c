//! Who is logged in, since when, until when, and what the session holds.

use actix_web::{HttpResponse, web};
use askama::Template;
use gsession::{StoreKey, Timestamp};
use gsession_actix::Session;

use super::{Frame, PageError, html, user};
use crate::storage::Place;

#[derive(Template)]
#[template(path = "profile.html")]
struct ProfilePage {
    frame: Frame,
    user: String,
    facts: Vec<(&'static str, String)>,
    entries: Vec<(String, String)>,
}

pub(crate) async fn show(session: Session, place: web::Data<Place>) -> Result<HttpResponse, PageError> {
    let user = user(&session, "/").await?;
    let frame = Frame::of("Your session", &session).await?;
    let mut facts = Vec::new();
    if let Some(since) = session.get::<u64>("since").await? {
        facts.push(("Logged in since", moment(Timestamp::from_millis(since))));
    }
    if let Some(info) = session.info().await? {
        facts.push(("Session began", moment(info.created_at)));
        facts.push(("Ends, if not used", moment(info.expires_at)));
        facts.push(("Ends in any case", info.absolute_deadline.map_or_else(|| "never".to_owned(), moment)));
    }
    if let Some(id) = session.id() {
        // A hash: the id itself is shown to nobody.
        let key: String = StoreKey::of(&id).to_string().chars().take(8).collect();
        facts.push(("Known to the storage as", format!("{key}…")));
    }
    facts.push(("Kept in", place.0.clone()));
    let entries = session
        .data()
        .await?
        .into_iter()
        .map(|(key, value)| {
            let shown = if key == "csrf" { "(a secret)".to_owned() } else { value.to_string() };
            (key, shown)
        })
        .collect();
    html(&ProfilePage { frame, user, facts, entries })
}

/// A moment for people, in UTC.
fn moment(at: Timestamp) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis)
        .map_or_else(|_| "never".to_owned(), |time| time.strftime("%-d %B %Y, %H:%M:%S UTC").to_string())
}
