//! The pages for HTTP errors.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    title: &'static str,
    text: &'static str,
    status: u16,
}

/// The page for a status. It says what the user can do, but not the cause.
pub(crate) fn page(status: StatusCode) -> HttpResponse {
    let (title, text) = match status {
        StatusCode::FORBIDDEN => (
            "This form was not ours",
            "It did not carry the secret of your session, so nothing was changed. Perhaps you logged in or out in another \
             tab while this page was open. Go back to the start and try again.",
        ),
        StatusCode::NOT_FOUND => ("There is no such page", "Perhaps the address was mistyped."),
        StatusCode::METHOD_NOT_ALLOWED => ("This page cannot be used that way", "Go back to the start and try again."),
        StatusCode::BAD_REQUEST => ("This could not be understood", "The form was incomplete. Nothing was changed."),
        StatusCode::CONFLICT => {
            ("Your session ended meanwhile", "What you did last was not kept. Log in and try again.")
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            ("That is too much for one session", "Nothing was changed. Remove something first.")
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            ("Sessions cannot be reached right now", "Nothing was changed. Please try again in a moment.")
        }
        status if status.is_client_error() => {
            ("This could not be understood", "Nothing was changed. Go back to the start and try again.")
        }
        _ => ("Something broke on our side", "It has been noted. Please try again in a moment."),
    };
    let body = ErrorPage { title, text, status: status.as_u16() }.render().unwrap_or_else(|_| title.to_owned());
    HttpResponse::build(status).content_type("text/html; charset=utf-8").body(body)
}

pub(crate) async fn not_found() -> HttpResponse {
    page(StatusCode::NOT_FOUND)
}
