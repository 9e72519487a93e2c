//! `POST /backchannel-logout`, which the provider calls.

use actix_web::{HttpResponse, http::header::CACHE_CONTROL, web};
use gsession::{AsyncManager, StorageError};
use jsonwebtoken::get_current_timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::logout_token::{Provider, Refused, Subject};

#[derive(Deserialize)]
struct Form {
    logout_token: String,
}

/// The route. It needs an [`AsyncManager`] and a [`Provider`] among the application's data.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    // A form without the field is answered like a bad token.
    let form = web::FormConfig::default().limit(16 * 1024).error_handler(|error, _| {
        let answer = refuse(&Refused("the request has no logout token"));
        actix_web::error::InternalError::from_response(error, answer).into()
    });
    config.service(web::resource("/backchannel-logout").app_data(form).route(web::post().to(log_out)));
}

async fn log_out(
    form: web::Form<Form>,
    provider: web::Data<Provider>,
    manager: web::Data<AsyncManager>,
) -> HttpResponse {
    let token = match provider.accept(&form.logout_token, get_current_timestamp()) {
        Ok(token) => token,
        Err(refused) => return refuse(&refused),
    };
    // If the logout fails, or this future is dropped, the provider may try again.
    let mut attempt = Attempt { provider: &provider, jti: &token.jti, is_done: false };
    match end(&manager, &token.subject).await {
        // Also if there was nothing to end.
        Ok(_) => {
            attempt.is_done = true;
            HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).finish()
        }
        Err(error) => {
            // A real service would log it.
            eprintln!("a logout failed: {error}");
            refuse(&Refused("the logout failed"))
        }
    }
}

/// Forgets that a token was used, unless its logout was done.
struct Attempt<'a> {
    provider: &'a Provider,
    jti: &'a str,
    is_done: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.provider.used.forget(self.jti);
        }
    }
}

/// The tag of a login is the provider's `sid`, and its principal is the `sub`.
async fn end(manager: &AsyncManager, subject: &Subject) -> Result<u64, StorageError> {
    match subject {
        Subject::Session(sid) => manager.destroy_all_tagged(sid).await,
        Subject::User(sub) => manager.destroy_all_of(sub, None).await,
    }
}

/// Section 2.8: 400 if the request was wrong or the logout failed.
fn refuse(refused: &Refused) -> HttpResponse {
    let why = json!({ "error": "invalid_request", "error_description": refused.to_string() });
    HttpResponse::BadRequest().insert_header((CACHE_CONTROL, "no-store")).json(why)
}
