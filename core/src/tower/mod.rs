#![doc = include_str!("../docs/tower.md")]

#[cfg(feature = "axum")]
mod axum;
mod body;
mod ext;
mod future;
mod grpc;
mod headers;
mod layer;
mod passive;
mod request;
mod service;
mod session;
#[cfg(feature = "tonic")]
mod tonic;

pub use body::SessionBody;
pub use ext::SessionExt;
pub use future::SessionFuture;
pub use layer::{SessionLayer, SessionLayerBuilder};
pub use passive::{Passive, PassiveService};
pub use service::SessionService;
pub use session::Session;

pub use crate::http::{ConfigError, CookieMaxAge, SameSite, SessionError};
