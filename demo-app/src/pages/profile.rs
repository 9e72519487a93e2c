//! The profile: who is logged in, since when and until when, and the data of the session.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use gsession::{Clock as _, SystemClock, Timestamp};
use gsession_actix::Session;
use serde_json::{Map, Value};

use super::{
    current_user::user,
    devices::{DeviceList, shortened},
    display_time::DisplayTime,
    layout::{Layout, html},
    tabs,
};
use crate::{csrf::Token, error::PageError, storage::StorageInfo};

#[derive(Template)]
#[template(path = "profile.html")]
struct ProfilePage<'a> {
    layout: Layout,
    user: String,
    facts: Vec<Fact>,
    entries: Vec<(String, String)>,
    count: usize,
    devices: DeviceList,
    storage_info: &'a StorageInfo,
}

struct Fact {
    name: &'static str,
    /// The value if it is not a time.
    text: String,
    time: Option<DisplayTime>,
}

impl Fact {
    fn text(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, text: text.into(), time: None }
    }

    fn time(name: &'static str, at: Option<Timestamp>) -> Self {
        let time = at.and_then(|at| DisplayTime::of(at, SystemClock.now()));
        Self { name, text: "never".to_owned(), time }
    }
}

pub(crate) async fn show(
    request: HttpRequest,
    session: Session,
    storage_info: web::Data<StorageInfo>,
) -> Result<HttpResponse, PageError> {
    let user = user(&session, "/").await?;
    let layout = Layout::of("Session", &session).await?;
    let mut facts = Vec::new();
    if let Some(info) = session.info().await? {
        facts.push(Fact::time("Logged in", info.authenticated_at));
        facts.push(Fact::time("Session began", Some(info.created_at)));
        facts.push(Fact::time("Ends, if not used", Some(info.expires_at)));
        facts.push(Fact::time("Ends in any case", info.absolute_deadline));
    }
    if let Some(key) = session.key() {
        facts.push(Fact::text("The storage knows it as", shortened(key)));
    }
    facts.push(Fact::text("Kept in", &storage_info.name));
    let address = request.app_config().local_addr();
    facts.push(Fact::text("Served by", format!("the instance at {address} (process {})", std::process::id())));
    let data = session.data().await?;
    let count = data.len();
    let devices = DeviceList::of(&session).await?;
    html(&ProfilePage { layout, user, facts, entries: shown(data), count, devices, storage_info: &storage_info })
}

/// The entries as the page shows them: without secrets, and with all entries of bursts as one.
fn shown(data: Map<String, Value>) -> Vec<(String, String)> {
    let mut shown = Vec::new();
    let mut bursts = 0;
    for (key, value) in data {
        match key.as_str() {
            name if Token::is_under(name) => shown.push((key, "(a secret)".to_owned())),
            key if key.starts_with(tabs::PREFIX) => bursts += 1,
            _ => shown.push((key, value.to_string())),
        }
    }
    if bursts > 0 {
        shown.push((format!("{}…", tabs::PREFIX), format!("({bursts} entries)")));
    }
    shown.sort();
    shown
}
