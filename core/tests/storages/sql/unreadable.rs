//! Rows that are no sessions: damaged, cut short, of a later version, or hostile. They count as no session, and the next write works.

use gsession::{
    AsyncStorage, Changes, SqliteStorage,
    storage::{Access, Committed, Created, Lookup, Moved, Removed},
};
use gsession_test_servers::PostgresServer;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tempfile::TempDir;

use super::{blind, created, key, migrated, naming, sqlite_at, support::*};

/// What is done to the row, in the words of both databases; `X` begins the text of bytes.
const DAMAGE: [&str; 6] = [
    "record = X''",
    "record = X'ff00'",
    // Another version.
    "record = X'0200'",
    // Four billion entries, of which there is none.
    "record = X'0100000000 00fcffffffff'",
    "log = X'0000fcffffffff'",
    "log = X'01'",
];

/// How a row is damaged.
enum Databases {
    Sqlite(SqliteStorage, TempDir),
    Postgres(gsession::PostgresStorage, PostgresServer),
}

impl Databases {
    fn storage(&self) -> &dyn AsyncStorage {
        match self {
            Self::Sqlite(storage, _) => storage,
            Self::Postgres(storage, _) => storage,
        }
    }

    async fn damage(&self, what: &str) {
        match self {
            Self::Sqlite(_, folder) => {
                let options = SqliteConnectOptions::new().filename(folder.path().join("sessions.db"));
                let pool = SqlitePoolOptions::new().connect_with(options).await.unwrap();
                let text = format!("UPDATE gsession_sessions SET {}", what.replace(' ', "").replace('=', " = "));
                sqlx::query(&text).execute(&pool).await.unwrap();
                pool.close().await;
            }
            Self::Postgres(_, server) => {
                let bytes = what.replace(' ', "").replace("=X'", " = '\\x");
                server.execute(&format!("UPDATE gsession_sessions SET {bytes}"));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unreadable_is_no_session_and_the_next_one_can_begin() {
    let folder = TempDir::new().unwrap();
    let sqlite = Databases::Sqlite(sqlite_at(&folder).await, folder);
    let server = PostgresServer::start();
    let postgres = Databases::Postgres(migrated(&server).await, server);
    // Before the first damage, or a line may be missed.
    let mark = log::mark();
    for databases in [sqlite, postgres] {
        let storage = databases.storage();
        for what in DAMAGE {
            let mut session = record(&[("secret", "\"Boskoop\"")]);
            session.principal = Some("ada".into());
            created(storage, 1, &session).await;
            databases.damage(what).await;
            let seen = storage.load(&key(1), &Access::passive(NOW)).await.unwrap();
            assert!(matches!(seen, Lookup::Absent), "{what}: {seen:?}");
            assert!(storage.find("ada", NOW).await.unwrap().is_empty(), "{what}");
            for changes in [setting("x", "1"), naming("eve")] {
                let done = storage.commit(&key(1), &blind(changes)).await.unwrap();
                assert!(matches!(done, Committed::Gone), "{what}: {done:?}");
            }
            // It was not repaired by that.
            databases.damage(what).await;
            assert_eq!(storage.create(&key(1), &session, NOW).await.unwrap(), Created::Exists, "{what}");
            let moved = storage.move_to(&key(1), &key(2), &blind(Changes::default())).await.unwrap();
            assert_eq!(moved, Moved::Gone, "{what}");
            assert_eq!(storage.remove(&key(2)).await.unwrap(), Removed::Absent, "{what}: it went nowhere");
            created(storage, 3, &session).await;
            assert_eq!(storage.remove(&key(3)).await.unwrap(), Removed::Done);
            storage.sweep(NOW + 2 * IDLE).await.unwrap();
        }
    }
    let lines = log::since(mark);
    assert!(lines.iter().any(|line| line.contains("a session in the database is unreadable")));
    assert!(!lines.iter().any(|line| line.contains("Boskoop")), "the log has a value");
}
