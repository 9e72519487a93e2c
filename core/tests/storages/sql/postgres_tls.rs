//! Postgres over TLS.

use gsession::{AsyncStorage as _, StorageErrorKind};
use gsession_test_servers::PostgresServer;

use super::{created, key, one_entry, read, support::*, texts};

/// The settings of the URL that check the server's certificate against an authority.
fn verified(server: &PostgresServer, folder: &tempfile::TempDir, authority: &str) -> String {
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority).unwrap();
    format!("{}?sslmode=verify-full&sslrootcert={}", server.url(), file.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_certificate_the_authority_has_signed_is_spoken_to_in_secret() {
    let (server, folder) = (PostgresServer::builder().tls().start(), tempfile::tempdir().unwrap());
    let url = verified(&server, &folder, server.ca().unwrap());
    let storage = sql::quiet_postgres(&url, "gsession_").build().unwrap();
    created(&storage, 1, &one_entry()).await;
    assert_eq!(read(&storage, &key(1)).await.record.entries, entries(&[("a", "1")]));
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE application_name = 'gsession'";
    assert_eq!(server.query(encrypted), "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_another_authority_is_refused_and_the_error_says_why() {
    let (server, folder) = (PostgresServer::builder().tls().start(), tempfile::tempdir().unwrap());
    let stranger = PostgresServer::builder().tls().start();
    let url = verified(&server, &folder, stranger.ca().unwrap());
    let error = sql::quiet_postgres(&url, "gsession_").build().unwrap().check().await.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Unavailable, "{}", texts(&error));
    assert!(texts(&error).contains("certificate"), "{}", texts(&error));
}
