//! Logging in and out.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::USER_AGENT},
    web,
};
use askama::Template;
use gsession::{Error, Login};
use gsession_actix::Session;
use serde::Deserialize;

use super::{
    current_user::{USER, has_ended, user},
    layout::{Layout, TokenForm, html},
};
use crate::{
    accounts::{self, Accounts, DEMO},
    csrf,
    error::PageError,
    flash::{self, Flash},
    redirect::see_other,
};

/// How long a user is remembered who wants that.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    layout: Layout,
    accounts: &'static [(&'static str, &'static str)],
    /// What was typed before, if it was wrong.
    typed: Typed,
}

#[derive(Default)]
struct Typed {
    next: String,
    username: String,
    remember: bool,
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
    /// Only there if the box is ticked.
    remember: Option<String>,
}

/// A path on this site, or `/`: a page elsewhere must not be able to redirect users through our login.
pub(super) fn own_path(next: Option<&str>) -> &str {
    match next {
        Some(path)
            if path.starts_with('/') && !path[1..].starts_with(['/', '\\']) && !path.contains(char::is_control) =>
        {
            path
        }
        _ => "/",
    }
}

async fn login_page(session: &Session, typed: Typed, message: Option<&str>) -> Result<HttpResponse, PageError> {
    let mut layout = Layout::of_login("Log in", session).await?;
    if let Some(text) = message {
        layout.flash = Some(Flash::bad(text));
    }
    html(&LoginPage { layout, accounts: &DEMO, typed })
}

pub(crate) async fn show(session: Session, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let ended = has_ended(&session).await? || query.expired.is_some();
    if session.contains_key(USER).await? {
        return Ok(see_other("/"));
    }
    let message = ended.then_some("Your session has expired or was ended. Log in to begin a new one.");
    let next = own_path(query.next.as_deref()).to_owned();
    login_page(&session, Typed { next, ..Typed::default() }, message).await
}

pub(crate) async fn submit(
    session: Session,
    request: HttpRequest,
    accounts: web::Data<Accounts>,
    form: web::Form<LoginForm>,
) -> Result<HttpResponse, PageError> {
    let LoginForm { csrf, username, password, next, remember } = form.into_inner();
    let remember = remember.is_some();
    let next = own_path(next.as_deref()).to_owned();
    if has_ended(&session).await? && !csrf::is_from_own_page(&request) {
        // The page stayed open until its session had ended: not a forgery, but there is no token to check either.
        return Err(PageError::LoginFirst { next, ended: true });
    }
    csrf::check_login(&session, &request, csrf.as_deref()).await?;
    let found = accounts::check(accounts, username.clone(), password).await;
    let Some(user) = found.map_err(|_| PageError::Internal("a password could not be checked"))? else {
        let message = "The user name or the password is wrong.";
        let mut response = login_page(&session, Typed { next, username, remember }, Some(message)).await?;
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        return Ok(response);
    };
    // The data of one user is not for the next.
    if session.get::<String>(USER).await?.is_some_and(|before| before != user) {
        session.destroy();
    }
    csrf::forget_login(&session)?;
    session.set(USER, user)?;
    flash::good(&session, "You are logged in, and your session has a new id.")?;
    // All of this is stored in one step. If the session ended while the password was checked, nobody is logged in. If another
    // login of the same user has renewed it, as with a second click, both end up in the same session.
    match session.log_in(login_from(&request, user, remember)).await {
        Ok(()) => Ok(see_other(&next)),
        Err(error) if matches!(error.cause(), Error::Gone) => Err(PageError::LoginFirst { next, ended: true }),
        Err(error) => Err(error.into()),
    }
}

/// A login of this user with what the list of their devices shows, remembered or not.
fn login_from(request: &HttpRequest, user: &str, remember: bool) -> Login {
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    let mut login = Login::new(user).user_agent(user_agent.unwrap_or_default());
    if remember {
        login = login.remember_for(REMEMBERED);
    }
    match request.peer_addr() {
        Some(address) => login.address(address.ip()),
        None => login,
    }
}

pub(crate) async fn logout(
    session: Session,
    request: HttpRequest,
    form: web::Form<TokenForm>,
) -> Result<HttpResponse, PageError> {
    user(&session, "/").await?;
    csrf::check(&session, &request, form.csrf.as_deref()).await?;
    session.log_out();
    // A write after `log_out` begins a new session.
    flash::good(&session, "You are logged out. Your session is gone, here and in the storage.")?;
    Ok(see_other("/login"))
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
