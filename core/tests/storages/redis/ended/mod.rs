//! Waiting for the end of a session on Redis (S18): what the servers report, what happens while they cannot, and what it costs.

mod costs;
mod descriptors;
mod faults;
mod servers;

use std::time::Duration;

use gsession::{
    AsyncManager, AsyncSession, ClientInfo, Error, Exchange, GoFrameIds, IntoStorage, RedisHashStorage, RedisStorage,
    SessionId, storage::redis::NearCache,
};
use gsession_test_servers::RedisServer;
use tokio::task::JoinHandle;

/// How long a test waits for what must happen before it gives up; nothing depends on its length.
const PATIENCE: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_millis(300);
/// So that a test need not wait long.
const INTERVAL: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Strings,
    Hashes,
    NearStrings,
    NearHashes,
    GoStrings,
    GoHashes,
}

const FORMS: [Form; 6] =
    [Form::Strings, Form::Hashes, Form::NearStrings, Form::NearHashes, Form::GoStrings, Form::GoHashes];

impl Form {
    const fn is_goframe(self) -> bool {
        matches!(self, Self::GoStrings | Self::GoHashes)
    }

    /// A manager as another process has it, over a server that is reached at this URL.
    fn manager(self, url: &str) -> AsyncManager {
        let strings = || {
            let builder = RedisStorage::builder(url).connect_timeout(SOON).response_timeout(SOON);
            builder.watch_interval(INTERVAL).key_prefix("strings:")
        };
        let hashes = || {
            let builder = RedisHashStorage::builder(url).connect_timeout(SOON).response_timeout(SOON);
            builder.watch_interval(INTERVAL).key_prefix("hashes:")
        };
        // What is in the near cache is believed until it is heard otherwise.
        let near = NearCache::default().trust_for(Duration::MAX);
        match self {
            Self::Strings => native(strings().build().unwrap()),
            Self::Hashes => native(hashes().build().unwrap()),
            Self::NearStrings => native(strings().near_cache(near).build().unwrap()),
            Self::NearHashes => native(hashes().near_cache(near).build().unwrap()),
            Self::GoStrings => goframe(strings().key_prefix("go-strings:").goframe().build().unwrap()),
            Self::GoHashes => goframe(hashes().key_prefix("go-hashes:").goframe().build().unwrap()),
        }
    }
}

fn native(storage: impl IntoStorage) -> AsyncManager {
    AsyncManager::new(storage)
}

fn goframe(storage: impl IntoStorage) -> AsyncManager {
    AsyncManager::builder(storage).id_generator(GoFrameIds).build().unwrap()
}

fn open(manager: &AsyncManager, id: &SessionId) -> Exchange {
    manager.begin([id.as_str()], ClientInfo::default)
}

async fn visitor(manager: &AsyncManager) -> (SessionId, AsyncSession) {
    let request = manager.begin(None, ClientInfo::default);
    request.set("a", &1).unwrap();
    let _ = request.close().await.unwrap();
    (request.id().unwrap(), request.session().clone())
}

async fn log_out(manager: &AsyncManager, id: &SessionId) {
    let request = open(manager, id);
    request.destroy();
    let _ = request.close().await.unwrap();
}

async fn renew(manager: &AsyncManager, id: &SessionId) -> SessionId {
    let request = open(manager, id);
    request.renew().unwrap();
    let _ = request.close().await.unwrap();
    request.id().unwrap()
}

async fn ends(what: impl std::fmt::Debug, waiting: JoinHandle<Result<(), Error>>) {
    let ended = tokio::time::timeout(PATIENCE, waiting).await;
    ended.unwrap_or_else(|_| panic!("the end was not noticed: {what:?}")).unwrap().unwrap();
}

/// Waits for a condition that must become true, and lets others work.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The connections over which a server reports changes to those who wait.
fn watching(server: &RedisServer) -> Vec<String> {
    let list = server.command(&["CLIENT", "LIST"]).text();
    let is_tracking = |line: &&str| field(line, "flags").contains('t');
    list.lines().filter(is_tracking).map(|line| field(line, "id").to_owned()).collect()
}

fn field<'a>(line: &'a str, name: &str) -> &'a str {
    line.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
}

/// How often a server has carried out a command.
fn calls(server: &RedisServer, command: &str) -> u64 {
    let stats = server.command(&["INFO", "commandstats"]).text();
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_")?.strip_prefix(command)?.strip_prefix(':'));
    let calls = line.and_then(|line| line.split(',').find_map(|part| part.strip_prefix("calls=")));
    calls.map_or(0, |calls| calls.parse().unwrap())
}

/// Waits for the end of a session; returns once the server reports changes of it.
async fn waiting(server: &RedisServer, session: &AsyncSession) -> JoinHandle<Result<(), Error>> {
    let before = calls(server, "exists");
    let waiting = tokio::spawn(session.ended());
    until("the key is watched", || calls(server, "exists") > before).await;
    waiting
}

#[tokio::test]
async fn an_end_in_another_process_is_reported() {
    let server = RedisServer::start();
    for form in FORMS {
        let (here, there) = (form.manager(&server.url()), form.manager(&server.url()));
        for _ in 0..5 {
            let (id, session) = visitor(&here).await;
            let waiting = waiting(&server, &session).await;
            log_out(&there, &id).await;
            ends(form, waiting).await;
        }
    }
}

#[tokio::test]
async fn a_renewal_in_another_process_is_followed_where_the_format_remembers_it() {
    let server = RedisServer::start();
    for form in FORMS {
        let (here, there) = (form.manager(&server.url()), form.manager(&server.url()));
        let (mut id, session) = visitor(&here).await;
        let waiting = waiting(&server, &session).await;
        let before = calls(&server, "exists");
        id = renew(&there, &id).await;
        if form.is_goframe() {
            // Nobody can tell where the session is.
            ends(form, waiting).await;
            continue;
        }
        until("the new key is watched", || calls(&server, "exists") > before).await;
        id = renew(&there, &id).await;
        assert!(!waiting.is_finished(), "{form:?}: a renewal is no end");
        log_out(&there, &id).await;
        ends(form, waiting).await;
    }
}

/// What the near cache of this process knows is older than the report.
#[tokio::test]
async fn a_near_cache_does_not_hide_the_end() {
    let server = RedisServer::start();
    for form in [Form::NearStrings, Form::NearHashes] {
        let (here, there) = (form.manager(&server.url()), form.manager(&server.url()));
        for _ in 0..20 {
            let (id, session) = visitor(&here).await;
            let waiting = waiting(&server, &session).await;
            // It is cached, and used from there.
            for _ in 0..3 {
                assert!(open(&here, &id).contains_key("a").await.unwrap());
            }
            log_out(&there, &id).await;
            ends(form, waiting).await;
        }
    }
}

/// A login without a renewal, and a logout without an end. GoFrame's formats keep no principals.
#[tokio::test]
async fn another_user_in_another_process_is_reported() {
    let server = RedisServer::start();
    for form in FORMS.into_iter().filter(|form| !form.is_goframe()) {
        for user in [Some("bob"), None] {
            let (here, there) = (form.manager(&server.url()), form.manager(&server.url()));
            let (id, _) = visitor(&here).await;
            let request = open(&here, &id);
            request.set_principal("ada").unwrap();
            let _ = request.close().await.unwrap();
            let waiting = waiting(&server, request.session()).await;
            let request = open(&there, &id);
            request.set("a", &2).unwrap();
            let _ = request.close().await.unwrap();
            assert!(!waiting.is_finished(), "{form:?}: a write is no end");
            let request = open(&there, &id);
            match user {
                Some(user) => request.set_principal(user).unwrap(),
                None => request.clear_principal().unwrap(),
            }
            let _ = request.close().await.unwrap();
            ends((form, user), waiting).await;
        }
    }
}

/// The server reports it without names.
#[tokio::test]
async fn a_flush_ends_all_waits() {
    let server = RedisServer::start();
    for form in FORMS {
        let here = form.manager(&server.url());
        let (_, session) = visitor(&here).await;
        let waiting = waiting(&server, &session).await;
        server.flush();
        ends(form, waiting).await;
    }
}
