//! The pages, and what they have in common.

pub(crate) mod errors;
pub(crate) mod login;
pub(crate) mod moment;
pub(crate) mod notes;
pub(crate) mod profile;
pub(crate) mod tabs;

use actix_web::{HttpResponse, http::header::LOCATION};
use askama::Template;
use gsession_actix::Session;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

pub(crate) use errors::PageError;

use crate::{csrf::Token, flash::Flash};

/// The entry that says who is logged in.
const USER: &str = "user";

/// What the frame around every page shows.
pub(crate) struct Frame {
    pub(crate) title: &'static str,
    pub(crate) user: Option<String>,
    pub(crate) csrf: String,
    pub(crate) flash: Option<Flash>,
}

impl Frame {
    /// The frame of a page for whoever is logged in.
    pub(crate) async fn of(title: &'static str, session: &Session) -> Result<Self, PageError> {
        Ok(Self {
            title,
            user: session.get(USER).await?,
            flash: crate::flash::take(session).await?,
            csrf: Token::Pages.of(session).await?,
        })
    }

    /// The frame of the login page.
    pub(crate) async fn of_login(title: &'static str, session: &Session) -> Result<Self, PageError> {
        let (flash, csrf) = (crate::flash::take(session).await?, Token::Login.of(session).await?);
        Ok(Self { title, user: None, flash, csrf })
    }

    /// What the link to the page `title` says to screen readers and to the style sheet.
    pub(crate) fn current(&self, title: &str) -> &'static str {
        if self.title == title { "page" } else { "false" }
    }
}

/// A form with nothing in it but its token.
#[derive(Deserialize)]
pub(crate) struct BareForm {
    pub(crate) csrf: Option<String>,
}

/// Whether the browser came with a cookie that opens nothing: it was a session once, most likely. Only the first look can
/// tell, because it makes the session forget such an id.
pub(crate) async fn has_ended(session: &Session) -> Result<bool, PageError> {
    let presented = session.id().is_some();
    session.contains_key(USER).await?;
    Ok(presented && session.id().is_none())
}

/// Who is logged in; whoever is not is sent to the login page, and back afterwards.
pub(crate) async fn user(session: &Session, here: &str) -> Result<String, PageError> {
    let ended = has_ended(session).await?;
    let user = session.get(USER).await?;
    user.ok_or_else(|| PageError::LoginFirst { next: here.to_owned(), ended })
}

pub(crate) fn html(page: &impl Template) -> Result<HttpResponse, PageError> {
    let body = page.render().map_err(|_| PageError::Internal("a page could not be rendered"))?;
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(body))
}

/// Sends the browser on with a GET, so that reloading the next page repeats nothing.
pub(crate) fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, path)).finish()
}

pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
