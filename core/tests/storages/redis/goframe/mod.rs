//! GoFrame's formats: sessions that the real GoFrame has stored (recorded in tests/goframe/recorded.json) are read, changed
//! and written as GoFrame does.

mod meanwhile;
mod no_session;
mod recorded;
mod sessions;

use gsession::{
    ClientInfo, CustomIds, Delivery, Exchange, GoFrameIds, IdGenerator as _, Manager, RedisHashStorage, RedisStorage,
    Saved, Session, SessionId, Storage,
};
use gsession_test_servers::RedisServer;

fn strings(server: &RedisServer, prefix: &str) -> Manager {
    told_of_others(RedisStorage::builder(&server.url()).goframe().key_prefix(prefix).build().unwrap())
}

fn hashes(server: &RedisServer, prefix: &str) -> Manager {
    told_of_others(RedisHashStorage::builder(&server.url()).goframe().key_prefix(prefix).build().unwrap())
}

/// Accepts ids of the recording, too: their form is another than the one that GoFrame's generator makes.
fn told_of_others<S: Storage + 'static>(storage: S) -> Manager {
    let is_recorded = |text: &str| text.len() == 30 && text.starts_with("gf");
    let ids = CustomIds::new(
        |client| GoFrameIds.generate(client),
        move |text| is_recorded(text) || GoFrameIds.parse(text).is_ok(),
    );
    Manager::builder(storage).id_generator(ids).build().unwrap()
}

fn open(manager: &Manager, id: &str) -> Exchange<Session> {
    manager.begin(Some(id), ClientInfo::default)
}

/// Each of the two formats.
fn each(run: impl Fn(&RedisServer, Manager)) {
    let server = RedisServer::start();
    run(&server, strings(&server, ""));
    run(&server, hashes(&server, ""));
}

fn logged_in(manager: &Manager) -> SessionId {
    let session = manager.begin(None, ClientInfo::default);
    session.set("user", "ada").unwrap();
    session.set("n", &0).unwrap();
    let Delivery::Send { id, .. } = session.close().unwrap().delivery else { panic!("a new session has an id") };
    id
}

fn logged_out(manager: &Manager, id: &str) {
    let leaving = open(manager, id);
    leaving.destroy();
    assert_eq!(leaving.save().unwrap(), Saved::Destroyed);
}

/// The key of something that is no session of GoFrame's, although a client can name it.
const KEY: &str = "0123456789abcdef0123456789abcdef";
