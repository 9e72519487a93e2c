//! Sessions: a state machine without I/O (`machine`), a driver that takes it through a storage (`async_session`), its
//! blocking form (`blocking`), and the interface for the code that serves a request (`exchange`).

mod async_session;
mod blocking;
mod config;
mod delivery;
#[cfg(feature = "import")]
mod elsewhere;
#[cfg(feature = "tokio")]
mod end;
mod exchange;
mod info;
mod lifetime;
mod login;
mod machine;
mod page;
mod rotation;
mod tags;
#[cfg(feature = "user-agent")]
mod user_agent;
mod values;

pub use async_session::AsyncSession;
pub(crate) use async_session::LateEnd;
pub use blocking::Session;
pub(crate) use config::{Config, SessionLimit};
pub use delivery::{Closed, Delivery, Saved};
#[cfg(feature = "import")]
pub(crate) use elsewhere::{Inheritance, PeerId, Peers, Presented, Theirs};
pub use exchange::{Exchange, Finished, Outcome};
pub use info::{ListedSession, SessionInfo};
pub(crate) use lifetime::Lifetime;
pub use login::{AtLimit, Login, LoginError};
pub(crate) use machine::Machine;
pub use page::Page;
pub use rotation::OnReuse;
pub(crate) use rotation::Rotation;
pub(crate) use tags::Tags;
#[cfg(feature = "user-agent")]
pub use user_agent::label_of_user_agent;
