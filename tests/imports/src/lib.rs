//! The harness of the tests of imports: real servers on other libraries, and the same address served by gsession afterwards.
//!
//! | module | what it gives |
//! |---|---|
//! | [`place`] | an address that servers take in turns |
//! | [`peers`] | servers on actix-session and tower-sessions, which log a browser in |
//! | [`ours`] | servers on gsession, in actix-web and in axum |
//! | [`client`] | a browser without pages: it keeps cookies |

pub mod client;
pub mod ours;
pub mod peers;
pub mod place;

/// A future of the tests' own.
pub type BoxFuture<T> = std::pin::Pin<Box<dyn Future<Output = T> + Send>>;
