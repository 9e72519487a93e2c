//! What a server is started with.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use tempfile::TempDir;

use super::{PostgresServer, account, template};
use crate::{
    port,
    tls::{Authority, Fault},
};

/// Quick to start and to write, and nothing is lost but to a power cut: what was committed survives [`PostgresServer::kill`].
const DEFAULTS: [(&str, &str); 8] = [
    ("listen_addresses", "127.0.0.1"),
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("max_wal_size", "64MB"),
    ("min_wal_size", "2MB"),
    ("shared_buffers", "16MB"),
    ("max_connections", "100"),
    ("log_checkpoints", "off"),
];

/// What a PostgreSQL server is started with.
#[derive(Debug, Clone, Default)]
pub struct PostgresBuilder {
    settings: Vec<(String, String)>,
    tls: Option<(Authority, Option<Fault>)>,
}

impl PostgresBuilder {
    /// A setting, as in `postgresql.conf`. The last one of a name counts.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Speaks TLS to clients that ask for it, with a certificate that [`PostgresServer::ca`] has signed.
    #[must_use]
    pub fn tls(self) -> Self {
        self.tls_by(&Authority::new(), None)
    }

    /// Speaks TLS, with a certificate that `authority` has signed, which may have a fault.
    #[must_use]
    pub fn tls_by(mut self, authority: &Authority, fault: Option<Fault>) -> Self {
        self.tls = Some((authority.clone(), fault));
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Panics
    ///
    /// When it does not start, with what it has printed; when it is not here, with the command that installs it.
    #[must_use]
    pub fn start(self) -> PostgresServer {
        self.start_with(template::copy_to, port::free)
    }

    /// Starts it with the data that `fill` puts into a folder that does not exist yet.
    pub(super) fn start_with(self, fill: impl FnOnce(&Path), mut port: impl FnMut() -> u16) -> PostgresServer {
        let folder = TempDir::new().expect("a folder for a server");
        account::hand_over(folder.path());
        fill(&folder.path().join("data"));
        self.write_certificates(folder.path());
        let mut server = PostgresServer::new(self, folder);
        for _ in 0..20 {
            server.port = port();
            let Err(why) = server.try_start() else { return server };
            if !server.output().contains("Address already in use") {
                panic!("postgres does not start: {why}\n{}", server.last_lines());
            }
            // Another process took the port first.
            server.kill();
        }
        panic!("postgres does not start: every port was taken\n{}", server.last_lines());
    }

    fn write_certificates(&self, folder: &Path) {
        let Some((authority, fault)) = &self.tls else { return };
        authority.write_to(folder, *fault);
        // It refuses a key that others may read.
        let key = folder.join("server.key");
        fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("closing a key to others");
        account::hand_over(&key);
    }

    /// The certificate that the server's own is signed with, if it speaks TLS.
    pub(super) fn ca(&self) -> Option<&str> {
        self.tls.as_ref().map(|(authority, _)| authority.pem())
    }

    /// The arguments of the program.
    pub(super) fn arguments(&self, folder: &Path, port: u16) -> Vec<String> {
        let file = |name: &str| folder.join(name).display().to_string();
        let mut settings: Vec<(String, String)> =
            DEFAULTS.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        settings.push(("unix_socket_directories".to_owned(), folder.display().to_string()));
        settings.push(("port".to_owned(), port.to_string()));
        if self.tls.is_some() {
            settings.push(("ssl".to_owned(), "on".to_owned()));
            settings.push(("ssl_cert_file".to_owned(), file("server.pem")));
            settings.push(("ssl_key_file".to_owned(), file("server.key")));
        }
        settings.extend(self.settings.iter().cloned());
        let settings = settings.into_iter().flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]);
        ["-D".to_owned(), file("data")].into_iter().chain(settings).collect()
    }
}
