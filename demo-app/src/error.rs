//! Why a page could not be served, and the response to that.

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use gsession_actix::SessionError;

use crate::{
    error_page,
    redirect::{encoded, see_other},
};

/// Why a page could not be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error("the form does not come from one of our pages")]
    Forged,
    #[error("the form makes no sense")]
    Nonsense,
    #[error("nobody is logged in")]
    LoginFirst { next: String, ended: bool },
    #[error("{0}")]
    Internal(&'static str),
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Session(error) => error.status_code(),
            Self::Forged => StatusCode::FORBIDDEN,
            Self::Nonsense => StatusCode::BAD_REQUEST,
            Self::LoginFirst { .. } => StatusCode::SEE_OTHER,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Session(error) => error.error_response(),
            Self::LoginFirst { next, ended } => {
                see_other(&format!("/login?next={}{}", encoded(next), if *ended { "&expired=1" } else { "" }))
            }
            Self::Forged | Self::Nonsense => error_page::page(self.status_code()),
            Self::Internal(what) => {
                tracing::error!("{what}");
                error_page::page(self.status_code())
            }
        }
    }
}
