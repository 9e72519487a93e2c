//! A service with sessions, and the program on its storage.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use gsession::{ClientInfo, Delivery, Login, Manager, SessionId, Storage, StoreKey};
use tempfile::TempDir;

use crate::{
    program::{Run, command},
    support::{quiet_file, redis, sql, waiting::Waiting},
};

/// A value in every session, which must not be printed unless it is asked for.
pub(crate) const VALUE: &str = "what only the application may know";

pub(crate) struct Shop {
    pub(crate) name: &'static str,
    storage: Arc<dyn Storage>,
    pub(crate) manager: Manager,
    /// How the program finds the storage.
    environment: HashMap<&'static str, String>,
    options: Vec<&'static str>,
    /// What must never be printed.
    secrets: std::sync::Mutex<Vec<String>>,
    folder: Option<TempDir>,
}

impl Shop {
    fn over(
        name: &'static str,
        storage: impl Storage + 'static,
        environment: &[(&'static str, &str)],
        options: &[&'static str],
    ) -> Self {
        let storage: Arc<dyn Storage> = Arc::new(storage);
        let manager =
            Manager::builder(Arc::clone(&storage)).idle_timeout(Duration::from_secs(48 * 60 * 60)).build().unwrap();
        let environment = environment.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self {
            name,
            storage,
            manager,
            environment,
            options: options.to_vec(),
            secrets: std::sync::Mutex::default(),
            folder: None,
        }
    }

    pub(crate) fn of_files() -> Self {
        let folder = TempDir::new().unwrap();
        let sessions = folder.path().join("sessions");
        let url = format!("file:{}", sessions.display());
        let shop = Self::over("files", quiet_file(&sessions), &[("GSESSION_STORAGE", &url)], &[]);
        Self { folder: Some(folder), ..shop }
    }

    pub(crate) fn of_strings() -> Self {
        let (url, prefix) = (redis::url(), redis::prefix());
        let environment = [("GSESSION_STORAGE", &*url), ("GSESSION_PREFIX", &*prefix)];
        Self::over("strings", redis::strings_at(&prefix), &environment, &[])
    }

    pub(crate) fn of_hashes() -> Self {
        let (url, prefix) = (redis::url(), redis::prefix());
        let environment = [("GSESSION_STORAGE", &*url), ("GSESSION_PREFIX", &*prefix)];
        Self::over("hashes", redis::hashes_at(&prefix), &environment, &["--layout", "hashes"])
    }

    fn of_cluster() -> Self {
        let (urls, prefix) = (redis::cluster_urls().join(" "), redis::prefix());
        let environment = [("GSESSION_STORAGE", &*urls), ("GSESSION_PREFIX", &*prefix), ("GSESSION_LAYOUT", "hash")];
        Self::over("cluster", redis::clustered_hashes_at(&prefix), &environment, &["--cluster"])
    }

    pub(crate) fn of_sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite:{}", folder.path().join("sessions.db").display());
        let storage = Waiting::on(|| sql::sqlite_in(folder.path()));
        let shop = Self::over("SQLite", storage, &[("GSESSION_STORAGE", &url)], &[]);
        // Makes the tables.
        shop.storage.check().unwrap();
        Self { folder: Some(folder), ..shop }
    }

    pub(crate) fn of_postgres() -> Self {
        let (url, prefix) = (sql::server().url(), sql::prefix());
        let environment = [("GSESSION_STORAGE", &*url), ("GSESSION_TABLE_PREFIX", &*prefix)];
        let shop = Self::over("Postgres", Waiting::on(|| sql::postgres_at(&prefix)), &environment, &[]);
        shop.storage.check().unwrap();
        shop
    }

    /// One for each storage that keeps all of a session.
    pub(crate) fn each() -> [Self; 6] {
        [
            Self::of_files(),
            Self::of_strings(),
            Self::of_hashes(),
            Self::of_cluster(),
            Self::of_sqlite(),
            Self::of_postgres(),
        ]
    }

    /// After `move`: the options that name the same place as a destination, in Redis with the other layout.
    pub(crate) fn as_destination(&self) -> Vec<String> {
        let variables = [
            ("GSESSION_STORAGE", "--to"),
            ("GSESSION_PREFIX", "--to-prefix"),
            ("GSESSION_TABLE_PREFIX", "--to-table-prefix"),
        ];
        let value = |(name, option): (&str, &str)| Some([option.to_owned(), self.environment.get(name)?.clone()]);
        let mut options: Vec<String> = variables.into_iter().filter_map(value).flatten().collect();
        match self.name {
            "strings" => options.extend(["--to-layout", "hashes"].map(str::to_owned)),
            "cluster" => options.push("--to-cluster".to_owned()),
            _ => {}
        }
        options
    }

    pub(crate) fn storage(&self) -> &dyn Storage {
        &*self.storage
    }

    /// The storage, for a service that has another one beside it.
    pub(crate) fn shared(&self) -> Arc<dyn Storage> {
        Arc::clone(&self.storage)
    }

    /// The folder of a shop with files.
    pub(crate) fn sessions(&self) -> PathBuf {
        self.folder.as_ref().unwrap().path().join("sessions")
    }

    pub(crate) fn file(&self, key: &StoreKey) -> PathBuf {
        let name = key.to_string();
        self.sessions().join(Path::new(&name[..2])).join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = command(&[&self.options[..], arguments].concat());
        command.envs(&self.environment);
        command
    }

    /// Runs the program. Nothing that it prints may be secret.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let run = Run::of(&mut self.command(arguments));
        self.is_discreet(&run);
        run
    }

    #[track_caller]
    pub(crate) fn is_discreet(&self, run: &Run) {
        for secret in self.secrets.lock().unwrap().iter() {
            assert!(!run.out.contains(secret) && !run.err.contains(secret), "{}: {run:?}", self.name);
        }
    }

    /// A session of a visitor, of which the program must tell neither the id nor the value.
    pub(crate) fn visit(&self) -> SessionId {
        let session = self.manager.begin(None, ClientInfo::default);
        session.set("basket", VALUE).unwrap();
        let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("a new session has an id") };
        self.keep(&id);
        id
    }

    /// A login with a label, which gives the session another id.
    pub(crate) fn log_in(&self, login: Login) -> SessionId {
        let before = self.visit();
        let session = self.manager.begin(Some(before.as_str()), ClientInfo::default);
        session.log_in(login).unwrap();
        let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("a login sends an id") };
        self.keep(&id);
        id
    }

    pub(crate) fn renew(&self, id: &SessionId) -> SessionId {
        let session = self.manager.begin(Some(id.as_str()), ClientInfo::default);
        session.renew().unwrap();
        let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("a renewal sends an id") };
        self.keep(&id);
        id
    }

    pub(crate) fn keep(&self, id: &SessionId) {
        let mut secrets = self.secrets.lock().unwrap();
        secrets.extend([id.as_str().to_owned(), VALUE.to_owned()]);
    }

    /// Whether the id still opens a session in the service.
    pub(crate) fn is_alive(&self, id: &SessionId) -> bool {
        self.manager.begin(Some(id.as_str()), ClientInfo::default).contains_key("basket").unwrap()
    }
}

/// The key of the session of an id, as the program takes it.
pub(crate) fn key_of(id: &SessionId) -> String {
    StoreKey::of(id).to_string()
}
