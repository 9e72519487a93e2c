//! Step-up: a page that asks for the password again if the login is some minutes old.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use gsession_actix::Session;
use serde::Deserialize;

use super::{
    current_user::user,
    layout::{Layout, html},
};
use crate::{
    accounts::{self, Accounts},
    csrf,
    error::PageError,
    flash::Flash,
    redirect::see_other,
};

/// How long a login counts as recent.
const RECENT: Duration = Duration::from_secs(5 * 60);

#[derive(Template)]
#[template(path = "vault.html")]
struct VaultPage {
    layout: Layout,
    minutes: u64,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage {
    layout: Layout,
    user: String,
}

#[derive(Deserialize)]
pub(crate) struct ConfirmForm {
    csrf: Option<String>,
    password: String,
}

/// What only a recent login may see.
pub(crate) async fn vault(session: Session) -> Result<HttpResponse, PageError> {
    user(&session, "/vault").await?;
    session.require_recent(RECENT).await.map_err(|error| error.or_redirect_to("/confirm"))?;
    html(&VaultPage { layout: Layout::of("Vault", &session).await?, minutes: RECENT.as_secs() / 60 })
}

async fn page(session: &Session, user: String, message: Option<&str>) -> Result<HttpResponse, PageError> {
    let mut layout = Layout::of("Vault", session).await?;
    if let Some(text) = message {
        layout.flash = Some(Flash::bad(text));
    }
    html(&ConfirmPage { layout, user })
}

pub(crate) async fn show(session: Session) -> Result<HttpResponse, PageError> {
    let user = user(&session, "/vault").await?;
    page(&session, user, None).await
}

pub(crate) async fn submit(
    session: Session,
    request: HttpRequest,
    accounts: web::Data<Accounts>,
    form: web::Form<ConfirmForm>,
) -> Result<HttpResponse, PageError> {
    let user = user(&session, "/vault").await?;
    csrf::check(&session, &request, form.csrf.as_deref()).await?;
    let found = accounts::check(accounts, user.clone(), form.into_inner().password).await;
    if found.map_err(|_| PageError::Internal("a password could not be checked"))?.is_none() {
        let mut response = page(&session, user, Some("The password is wrong.")).await?;
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        return Ok(response);
    }
    session.confirm_login().await?;
    Ok(see_other("/vault"))
}
