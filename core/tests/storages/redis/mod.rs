//! Sessions in Redis.

mod costs;
#[cfg(feature = "tokio")]
mod ended;
mod faults;
mod goframe;
mod near;
mod principals;
mod topologies;
