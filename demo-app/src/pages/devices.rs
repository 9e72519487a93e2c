//! The user's devices: the list, and what ends the sessions on it.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use gsession::{Clock as _, ListedSession, StoreKey, SystemClock};
use gsession_actix::Session;
use serde::Deserialize;

use super::{
    current_user::user,
    display_time::DisplayTime,
    layout::{TokenForm, html},
};
use crate::{
    csrf::{self, Token},
    error::PageError,
    flash,
    redirect::see_other,
};

/// Which session to end.
#[derive(Deserialize)]
pub(crate) struct EndForm {
    csrf: Option<String>,
    session: String,
}

/// One of the user's sessions.
pub(super) struct Device {
    key: StoreKey,
    /// The key as the page shows it.
    short_key: String,
    /// The browser, if the login has said which.
    name: String,
    address: Option<String>,
    is_this_one: bool,
    is_remembered: bool,
    logged_in: Option<DisplayTime>,
    last_seen: Option<DisplayTime>,
}

impl Device {
    fn of(session: &ListedSession) -> Self {
        let (now, info) = (SystemClock.now(), &session.info);
        Self {
            key: session.key,
            short_key: shortened(session.key),
            name: info.label.as_deref().unwrap_or("Unknown browser").to_owned(),
            address: info.address.map(|address| address.to_string()),
            is_this_one: session.is_current,
            is_remembered: info.is_remembered,
            logged_in: DisplayTime::of(info.authenticated_at.unwrap_or(info.created_at), now),
            last_seen: DisplayTime::of(info.last_seen, now),
        }
    }
}

/// The rows of the list, which the page also fetches by itself.
#[derive(Template)]
#[template(path = "devices.html")]
pub(super) struct DeviceList {
    csrf: String,
    devices: Vec<Device>,
}

impl DeviceList {
    pub(super) async fn of(session: &Session) -> Result<Self, PageError> {
        let devices = session.list().await?.iter().map(Device::of).collect();
        Ok(Self { csrf: Token::Pages.of(session).await?, devices })
    }
}

/// The beginning of a key. The key is a hash of the session's id; the id itself is never shown.
pub(super) fn shortened(key: StoreKey) -> String {
    key.to_string().chars().take(8).chain(['…']).collect()
}

/// The list alone. An open page fetches it again and again, which must not keep anybody logged in.
pub(crate) async fn list(session: Session) -> Result<HttpResponse, PageError> {
    session.set_passive(true);
    user(&session, "/").await?;
    html(&DeviceList::of(&session).await?)
}

pub(crate) async fn logout_others(
    session: Session,
    request: HttpRequest,
    form: web::Form<TokenForm>,
) -> Result<HttpResponse, PageError> {
    user(&session, "/").await?;
    csrf::check(&session, &request, form.csrf.as_deref()).await?;
    let text = match session.destroy_others().await? {
        0 => "You are logged in nowhere else.".to_owned(),
        1 => "One other session was ended.".to_owned(),
        n => format!("{n} other sessions were ended."),
    };
    flash::good(&session, &text)?;
    Ok(see_other("/"))
}

pub(crate) async fn logout_everywhere(
    session: Session,
    request: HttpRequest,
    form: web::Form<TokenForm>,
) -> Result<HttpResponse, PageError> {
    user(&session, "/").await?;
    csrf::check(&session, &request, form.csrf.as_deref()).await?;
    let text = match session.destroy_everywhere().await? {
        0 => "You are logged out. You were logged in nowhere else.".to_owned(),
        1 => "You are logged out, here and on one other device.".to_owned(),
        n => format!("You are logged out, here and on {n} other devices."),
    };
    // As after a logout, this begins a new session.
    flash::good(&session, &text)?;
    Ok(see_other("/login"))
}

/// Ends one session of the user, which may be this one.
pub(crate) async fn end(
    session: Session,
    request: HttpRequest,
    form: web::Form<EndForm>,
) -> Result<HttpResponse, PageError> {
    user(&session, "/").await?;
    csrf::check(&session, &request, form.csrf.as_deref()).await?;
    let key = StoreKey::parse(&form.session).ok_or(PageError::Nonsense)?;
    let is_this_one = session.key() == Some(key);
    // Only ends a session of the same user.
    let text = if session.end(key).await? { "That session was ended." } else { "That session had ended already." };
    flash::good(&session, text)?;
    Ok(see_other(if is_this_one { "/login" } else { "/" }))
}
