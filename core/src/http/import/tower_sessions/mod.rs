//! The stores of tower-sessions 0.14 and 0.15.

mod record;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod sql;

pub use self::record::TowerSessionsRecord;
#[cfg(feature = "redis")]
pub use self::redis::TowerSessionsRedis;
#[cfg(feature = "postgres")]
pub use self::sql::TowerSessionsPostgres;
#[cfg(feature = "sqlite")]
pub use self::sql::TowerSessionsSqlite;
