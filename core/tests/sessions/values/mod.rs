//! Values: what `set` accepts `get` returns, equal; what is damaged is absent; what is read later counts.

mod damaged;
mod kept;
#[cfg(feature = "redis")]
mod later;
mod refused;
mod shapes;
