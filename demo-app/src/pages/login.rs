//! Logging in and out.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use gsession::{Clock as _, Saved, SystemClock};
use gsession_actix::Session;
use serde::Deserialize;

use super::{BareForm, Frame, PageError, html, see_other, user};
use crate::{
    accounts::{Accounts, DEMO},
    csrf, flash,
};

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    frame: Frame,
    accounts: &'static [(&'static str, &'static str)],
    next: String,
    username: String,
    /// Whether the browser came with a session that has ended.
    ended: bool,
    wrong: bool,
}

#[derive(Deserialize)]
pub(crate) struct Query {
    next: Option<String>,
    expired: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct LoginForm {
    csrf: Option<String>,
    username: String,
    password: String,
    next: Option<String>,
}

/// A path on this site and nothing else: a page elsewhere must not be able to send people on from our login.
fn own_path(next: Option<&str>) -> &str {
    match next {
        Some(path)
            if path.starts_with('/') && !path[1..].starts_with(['/', '\\']) && !path.contains(char::is_control) =>
        {
            path
        }
        _ => "/",
    }
}

pub(crate) async fn show(session: Session, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let presented = session.id().is_some();
    if session.get::<String>("user").await?.is_some() {
        return Ok(see_other("/"));
    }
    // A cookie that opens nothing: it was a session once.
    let ended = query.expired.is_some() || (presented && session.id().is_none());
    let next = own_path(query.next.as_deref()).to_owned();
    let frame = Frame::of("Log in", &session).await?;
    html(&LoginPage { frame, accounts: &DEMO, next, username: String::new(), ended, wrong: false })
}

pub(crate) async fn submit(
    session: Session,
    request: HttpRequest,
    accounts: web::Data<Accounts>,
    form: web::Form<LoginForm>,
) -> Result<HttpResponse, PageError> {
    csrf::check(&session, &request, form.csrf.as_deref()).await?;
    let LoginForm { username, password, next, .. } = form.into_inner();
    let next = own_path(next.as_deref()).to_owned();
    let name = username.clone();
    // Hashing takes its time on purpose; other requests must not wait for it.
    let user = web::block(move || accounts.verify(&name, &password)).await.map_err(|_| PageError::Internal)?;
    let Some(user) = user else {
        let frame = Frame::of("Log in", &session).await?;
        let page = LoginPage { frame, accounts: &DEMO, next, username, ended: false, wrong: true };
        let mut response = html(&page)?;
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        return Ok(response);
    };
    session.renew();
    csrf::rotate(&session);
    session.set("user", user)?;
    session.set("since", &SystemClock.now().as_millis())?;
    session.set_principal(user);
    flash::good(&session, "You are logged in.")?;
    // The answer depends on it: if the session ended while the password was checked, nobody is logged in.
    if session.save().await? == Saved::Gone {
        return Ok(see_other("/login"));
    }
    Ok(see_other(&next))
}

pub(crate) async fn logout(
    session: Session,
    request: HttpRequest,
    form: web::Form<BareForm>,
) -> Result<HttpResponse, PageError> {
    csrf::check(&session, &request, form.csrf.as_deref()).await?;
    session.destroy();
    // What is written after a destroy belongs to a new session.
    flash::good(&session, "You are logged out. Your session is gone, here and in the storage.")?;
    Ok(see_other("/login"))
}

pub(crate) async fn logout_others(
    session: Session,
    request: HttpRequest,
    form: web::Form<BareForm>,
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

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn only_paths_of_this_site_are_followed() {
        assert_eq!(own_path(Some("/notes?x=1")), "/notes?x=1");
        for next in ["", "notes", "//evil.example", "/\\evil.example", "https://evil.example", "/\r\nset-cookie: x=y"] {
            assert_eq!(own_path(Some(next)), "/", "{next:?}");
        }
        assert_eq!(own_path(None), "/");
    }
}
