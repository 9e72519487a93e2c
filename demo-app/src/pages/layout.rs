//! What all pages have in common: the layout, with its message and its token against forged forms.

use actix_web::HttpResponse;
use askama::Template;
use gsession_actix::Session;
use serde::Deserialize;

use super::current_user::USER;
use crate::{
    csrf::Token,
    error::PageError,
    flash::{self, Flash},
};

/// What every page shows around its content.
pub(crate) struct Layout {
    pub(crate) title: &'static str,
    pub(crate) user: Option<String>,
    pub(crate) csrf: String,
    pub(crate) flash: Option<Flash>,
}

impl Layout {
    /// The layout of a page for a logged-in user.
    pub(crate) async fn of(title: &'static str, session: &Session) -> Result<Self, PageError> {
        Ok(Self {
            title,
            user: session.get(USER).await?,
            flash: flash::take(session).await?,
            csrf: Token::Pages.of(session).await?,
        })
    }

    /// The layout of the login page.
    pub(crate) async fn of_login(title: &'static str, session: &Session) -> Result<Self, PageError> {
        let (flash, csrf) = (flash::take(session).await?, Token::Login.of(session).await?);
        Ok(Self { title, user: None, flash, csrf })
    }

    /// The `aria-current` attribute of the navigation link to the page `title`.
    pub(crate) fn current(&self, title: &str) -> &'static str {
        if self.title == title { "page" } else { "false" }
    }
}

/// A form with nothing but its token.
#[derive(Deserialize)]
pub(crate) struct TokenForm {
    pub(crate) csrf: Option<String>,
}

/// Renders a page.
pub(crate) fn html(page: &impl Template) -> Result<HttpResponse, PageError> {
    let body = page.render().map_err(|_| PageError::Internal("a page could not be rendered"))?;
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(body))
}
