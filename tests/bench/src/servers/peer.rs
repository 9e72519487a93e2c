//! What is measured: the servers, by the names that the command line and reports have for them, and their handlers.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::database;

/// GoFrame among the packages of [`Peer::packages`].
pub(crate) const GOFRAME: &str = "GoFrame";

/// A server to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Peer {
    /// actix-web without sessions
    Bare,
    /// gsession-actix with the memory storage
    GsessionMemory,
    /// gsession-actix with the file storage
    GsessionFile,
    /// gsession-actix with the memory storage, sealed
    GsessionSealedMemory,
    /// gsession-actix with the file storage, sealed
    GsessionSealedFile,
    /// gsession-actix with the SQLite storage
    GsessionSqlite,
    /// gsession-actix with the Postgres storage
    GsessionPostgres,
    /// actix-session with its cookie storage
    ActixSessionCookie,
    /// axum without sessions
    BareAxum,
    /// gsession on axum with the memory storage
    GsessionAxumMemory,
    /// gsession on axum with the file storage
    GsessionAxumFile,
    /// gsession on axum with the SQLite storage
    GsessionAxumSqlite,
    /// gsession on axum with the Postgres storage
    GsessionAxumPostgres,
    /// tower-sessions with its memory storage, on axum
    TowerSessionsMemory,
    /// tower-sessions 0.14 with its SQLite storage (WAL, synchronous=NORMAL), on axum
    TowerSessionsSqlite,
    /// tower-sessions 0.14 with its Postgres storage, on axum
    TowerSessionsPostgres,
    /// GoFrame's HTTP server, no handler of which uses a session
    BareGoframe,
    /// GoFrame with its memory storage
    GoframeMemory,
    /// GoFrame with its file storage
    GoframeFile,
    /// actix-web and plain commands to Redis, without sessions
    RedisAlone,
    /// gsession-actix with the Redis key-value storage
    GsessionRedis,
    /// gsession-actix with the Redis hash storage
    GsessionRedisHash,
    /// gsession-actix with the Redis key-value storage and its near cache
    GsessionRedisNear,
    /// gsession-actix with the Redis key-value storage, sealed
    GsessionSealedRedis,
    /// actix-session with its Redis storage
    ActixSessionRedis,
    /// gsession on axum with the Redis key-value storage
    GsessionAxumRedis,
    /// gsession on axum with the Redis hash storage
    GsessionAxumRedisHash,
    /// tower-sessions 0.14 with its Redis storage, on axum
    TowerSessionsRedis,
    /// GoFrame with its Redis key-value storage
    GoframeRedis,
    /// GoFrame with its Redis hash storage
    GoframeRedisHash,
}

impl Peer {
    /// The server without sessions on the same framework.
    pub(crate) fn bare(self) -> Self {
        match self {
            Self::BareAxum
            | Self::GsessionAxumMemory
            | Self::GsessionAxumFile
            | Self::GsessionAxumSqlite
            | Self::GsessionAxumPostgres
            | Self::GsessionAxumRedis
            | Self::GsessionAxumRedisHash
            | Self::TowerSessionsMemory
            | Self::TowerSessionsSqlite
            | Self::TowerSessionsPostgres
            | Self::TowerSessionsRedis => Self::BareAxum,
            _ if self.goframe_storage().is_some() => Self::BareGoframe,
            _ => Self::Bare,
        }
    }

    /// Whether it has sessions that could get lost.
    pub(crate) fn has_sessions(self) -> bool {
        !self.is_bare() && self != Self::RedisAlone
    }

    /// The database server that it needs.
    pub(crate) fn database(self) -> Option<database::Kind> {
        match self {
            Self::RedisAlone
            | Self::GsessionRedis
            | Self::GsessionRedisHash
            | Self::GsessionRedisNear
            | Self::GsessionSealedRedis
            | Self::ActixSessionRedis
            | Self::GsessionAxumRedis
            | Self::GsessionAxumRedisHash
            | Self::TowerSessionsRedis
            | Self::GoframeRedis
            | Self::GoframeRedisHash => Some(database::Kind::Redis),
            Self::GsessionPostgres | Self::GsessionAxumPostgres | Self::TowerSessionsPostgres => {
                Some(database::Kind::Postgres)
            }
            _ => None,
        }
    }

    /// Whether its storage needs a folder for files.
    pub(crate) fn needs_folder(self) -> bool {
        self.is_in_sqlite()
            || matches!(
                self,
                Self::GsessionFile | Self::GsessionSealedFile | Self::GsessionAxumFile | Self::GoframeFile
            )
    }

    /// Whether its storage is a SQLite database.
    pub(crate) fn is_in_sqlite(self) -> bool {
        matches!(self, Self::GsessionSqlite | Self::GsessionAxumSqlite | Self::TowerSessionsSqlite)
    }

    /// The storage's name in GoFrame's program; nothing for what this program serves.
    pub(crate) fn goframe_storage(self) -> Option<&'static str> {
        Some(match self {
            Self::BareGoframe => "bare",
            Self::GoframeMemory => "memory",
            Self::GoframeFile => "file",
            Self::GoframeRedis => "redis",
            Self::GoframeRedisHash => "redis-hash",
            _ => return None,
        })
    }

    /// Whether this is ours.
    pub(crate) fn is_ours(self) -> bool {
        matches!(
            self,
            Self::GsessionMemory
                | Self::GsessionFile
                | Self::GsessionSqlite
                | Self::GsessionPostgres
                | Self::GsessionRedis
                | Self::GsessionRedisHash
                | Self::GsessionRedisNear
                | Self::GsessionSealedMemory
                | Self::GsessionSealedFile
                | Self::GsessionSealedRedis
                | Self::GsessionAxumMemory
                | Self::GsessionAxumFile
                | Self::GsessionAxumSqlite
                | Self::GsessionAxumPostgres
                | Self::GsessionAxumRedis
                | Self::GsessionAxumRedisHash
        )
    }

    /// Whether it has no sessions.
    pub(crate) fn is_bare(self) -> bool {
        self == self.bare()
    }

    /// The packages whose versions a report should name, and what to say besides.
    pub(crate) fn packages(self) -> (&'static [&'static str], &'static str) {
        match self {
            Self::Bare => (&["actix-web"], "bare"),
            Self::GsessionMemory => (&["gsession"], "memory"),
            Self::GsessionFile => (&["gsession"], "file"),
            Self::GsessionSealedMemory => (&["gsession"], "memory, sealed"),
            Self::GsessionSealedFile => (&["gsession"], "file, sealed"),
            Self::GsessionSqlite => (&["gsession"], "SQLite"),
            Self::GsessionPostgres => (&["gsession"], "Postgres"),
            Self::ActixSessionCookie => (&["actix-session"], "cookie"),
            Self::BareAxum => (&["axum"], "bare"),
            Self::GsessionAxumMemory => (&["gsession", "axum"], "memory"),
            Self::GsessionAxumFile => (&["gsession", "axum"], "file"),
            Self::GsessionAxumSqlite => (&["gsession", "axum"], "SQLite"),
            Self::GsessionAxumPostgres => (&["gsession", "axum"], "Postgres"),
            Self::TowerSessionsMemory => (&["tower-sessions", "axum"], "memory"),
            Self::TowerSessionsSqlite => {
                (&["tower-sessions-sqlx-store", "axum"], "SQLite (WAL, synchronous=NORMAL), with tower-sessions 0.14")
            }
            Self::TowerSessionsPostgres => {
                (&["tower-sessions-sqlx-store", "axum"], "Postgres, with tower-sessions 0.14")
            }
            Self::BareGoframe => (&[GOFRAME], "bare"),
            Self::GoframeMemory => (&[GOFRAME], "memory"),
            Self::GoframeFile => (&[GOFRAME], "file"),
            Self::RedisAlone => (&["redis", "actix-web"], "plain GET and SET without sessions"),
            Self::GsessionRedis => (&["gsession"], "Redis key-value"),
            Self::GsessionRedisHash => (&["gsession"], "Redis hash"),
            Self::GsessionRedisNear => (&["gsession"], "Redis key-value, near cache"),
            Self::GsessionSealedRedis => (&["gsession"], "Redis key-value, sealed"),
            Self::ActixSessionRedis => (&["actix-session"], "Redis"),
            Self::GsessionAxumRedis => (&["gsession", "axum"], "Redis key-value"),
            Self::GsessionAxumRedisHash => (&["gsession", "axum"], "Redis hash"),
            Self::TowerSessionsRedis => (&["tower-sessions-redis-store", "axum"], "Redis, with tower-sessions 0.14"),
            Self::GoframeRedis => (&[GOFRAME], "Redis key-value"),
            Self::GoframeRedisHash => (&[GOFRAME], "Redis hash"),
        }
    }

    /// The name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// A handler to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Handler {
    /// The middleware is installed, the handler does not use the session
    Untouched,
    /// Reads one small entry
    Read,
    /// Reads a counter and writes it back
    #[value(name = "readwrite")]
    ReadWrite,
    /// Writes a counter without reading it
    Write,
}

impl Handler {
    /// Where it is served.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Untouched => "/untouched",
            Self::Read => "/read",
            Self::ReadWrite => "/readwrite",
            Self::Write => "/write",
        }
    }
}
