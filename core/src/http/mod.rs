//! The HTTP rules for sessions, without a framework: cookies and their `Set-Cookie` lines, the session header,
//! `Authorization: Bearer`, and cache headers.
//!
//! You build a [`Transport`] once; its settings are checked together. For each request it finds the texts that may be
//! ids, and for each response it writes what the client must know. It works on the raw lines of header fields, so a
//! framework integration such as `gsession-actix` only translates them.
//!
//! ```
//! use gsession::{ClientInfo, Error, Manager, MemoryStorage, Outcome};
//! use gsession::http::{FieldName, FieldValue, ResponseHeaders, Transport};
//!
//! /// A framework's header map: names in lower case, and values.
//! #[derive(Default)]
//! struct Headers(Vec<(String, String)>);
//!
//! impl ResponseHeaders for Headers {
//!     fn lines(&self, name: FieldName<'_>) -> impl Iterator<Item = &[u8]> {
//!         self.0.iter().filter(move |(held, _)| held == name.as_str()).map(|(_, value)| value.as_bytes())
//!     }
//!
//!     fn append(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
//!         self.0.push((name.as_str().to_owned(), value.as_str().to_owned()));
//!     }
//!
//!     fn insert(&mut self, name: FieldName<'_>, value: FieldValue<'_>) {
//!         self.0.retain(|(held, _)| held != name.as_str());
//!         self.append(name, value);
//!     }
//! }
//!
//! let transport = Transport::builder().cookie_name("sid").build()?;
//! let manager = Manager::builder(MemoryStorage::new()).realm(transport.realm()).build()?;
//!
//! // What a framework does around a handler, here a visit counter.
//! let visit = |request: &Headers, response: &mut Headers| -> Result<u64, Error> {
//!     let exchange = manager.begin(transport.candidates(|name| request.lines(name)), ClientInfo::default);
//!     let location = transport.location(|name| request.lines(name), |text| manager.accepts(text));
//!     let visits = exchange.session().update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
//!     if exchange.was_used() {
//!         let finished = exchange.finish(Outcome::of_http(true, 200), ClientInfo::default);
//!         transport.deliver(&finished.delivery, location, || manager.now(), finished.logged_in, response);
//!     }
//!     Ok(visits)
//! };
//!
//! let mut response = Headers::default();
//! assert_eq!(visit(&Headers::default(), &mut response)?, 1);
//! let (_, cookie) = response.0.iter().find(|(name, _)| name == "set-cookie").unwrap();
//! assert!(cookie.starts_with("sid=") && cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"));
//! assert!(response.0.contains(&("vary".into(), "Cookie".into())));
//! assert!(response.0.contains(&("cache-control".into(), "no-store".into())));
//!
//! let pair = cookie.split(';').next().unwrap();
//! let request = Headers(vec![("cookie".into(), format!("theme=dark; {pair}"))]);
//! assert_eq!(visit(&request, &mut Headers::default())?, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | file | contents |
//! |---|---|
//! | `builder` | the settings, and whether they are consistent: [`Builder`], [`ConfigError`] |
//! | `transport` | what a request presents, and where: [`Transport`], [`IdLocation`] |
//! | `answer` | what a response gets: [`Transport::deliver`] |
//! | `caching` | `Vary` and `Cache-Control` |
//! | `cookie` | names and prefixes, attributes, `Cookie` and `Set-Cookie` lines: [`SameSite`], [`CookieMaxAge`] |
//! | `header` | the session header, `Authorization: Bearer`, and reserved names |
//! | `fields` | what a framework translates: [`FieldName`], [`FieldValue`], [`ResponseHeaders`] |
//! | `session_error` | how an error is answered: [`SessionError`] |
//! | `import` | the sessions of another library, which are taken over (with the feature `import`) |
//! | `service` | what the middlewares of all frameworks have in common (with the feature `tokio`) |
//!
#![doc = include_str!("../docs/which_id.md")]

mod answer;
mod builder;
mod caching;
mod cookie;
mod error;
mod fields;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
mod header;
#[cfg(feature = "import")]
pub mod import;
#[cfg(feature = "tokio")]
mod service;
mod session_error;
mod token;
mod transport;

pub use builder::{Builder, Configured, ServiceSettings};
pub use cookie::{CookieMaxAge, SameSite};
pub use error::ConfigError;
pub use fields::{FieldName, FieldValue, ResponseHeaders};
#[cfg(feature = "tokio")]
pub use service::{Framework, Place, RequestGuard, Service};
pub use session_error::SessionError;
pub use transport::{IdLocation, Transport};
