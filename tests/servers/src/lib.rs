//! Real Redis and PostgreSQL servers for tests, and ways to break them: each test starts what it needs on free ports of the loopback
//! address, and everything ends with the test.
//!
//! | module | what |
//! |---|---|
//! | [`RedisServer`] | one Redis server, to be killed, frozen, restarted, filled up |
//! | [`PostgresServer`] | one PostgreSQL server, to be killed, frozen, restarted; and a standby |
//! | [`Sentinels`] | a primary with two replicas and three Sentinels |
//! | [`Cluster`] | three primaries with a replica each |
//! | [`Release`] | a server of a certain release, to be asked for by a builder |
//! | [`Proxy`] | stands between a client and a server: counts, cuts, stalls, swallows, forgets |
//! | [`Authority`] | signs the certificates of servers and clients, good ones and others |
//! | [`Monitor`] | which commands a server was sent, and which a script has run |
//! | [`resp`] | a client of its own, so that what is tested is not what tests |

mod cluster;
mod log;
mod monitor;
mod port;
mod postgres;
pub mod process;
pub mod program;
mod proxy;
mod redis;
mod release;
pub mod resp;
mod sentinels;
mod tls;
pub mod wait;
mod watchdog;

pub use cluster::Cluster;
pub use monitor::{Monitor, Seen};
pub use postgres::{PostgresBuilder, PostgresServer};
pub use proxy::Proxy;
pub use redis::{Builder, RedisServer};
pub use release::Release;
pub use sentinels::Sentinels;
pub use tls::{Authority, Certificate, Fault};
