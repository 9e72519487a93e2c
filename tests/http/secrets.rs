//! No id and no value appears in any log, error text or `Debug` output, at any level (H6, R15).

use std::{
    fmt::Debug,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures::FutureExt as _;
use gsession::{
    AsyncManager, Changes, ClientInfo, Clock as _, CustomIds, Delivery, Entries, HashedIds, IdError, Limits, Record,
    SessionId, Storage as _,
    record::Commit,
    storage::{Access, Found, Snapshot},
};

use crate::{
    framework::{self, Ask, SessionError, Sessions},
    support::{
        NAME, PATIENCE,
        app::{App, Failure, Reply},
        client::Client,
        ids::planted,
        key_of,
        log::{log, told},
        place::{KINDS, Kind, Place},
        probe::{CAUSE, Op},
        request::Request,
    },
};

/// A value that no application would log.
const VALUE: &str = "hunter2";
/// What somebody sends as an id though it can be none: a secret of another system, perhaps.
const MALFORMED: &str = "malformed-but-still-secret";

fn shown(value: &impl Debug) -> String {
    format!("{value:?} {value:#?}")
}

/// Fails if a text holds one of the ids, or the value, in any spelling that is easily read back.
fn check(what: &str, text: &str, ids: &[SessionId]) {
    let mut secrets = vec![VALUE.to_owned(), MALFORMED.to_owned()];
    for id in ids {
        // A part of an id is too much as well.
        secrets.extend([id.as_str()[..12].to_owned(), id.as_str()[31..].to_owned()]);
    }
    for secret in secrets {
        let bytes = format!("{:?}", secret.as_bytes());
        for spelling in [secret.clone(), secret.to_lowercase(), secret.to_uppercase(), bytes] {
            let line = text.lines().find(|line| line.contains(&spelling));
            assert!(line.is_none(), "{what} shows a secret: {line:?}");
        }
    }
}

#[test]
fn the_check_finds_what_it_looks_for() {
    for text in [
        format!("user is {VALUE}"),
        format!("line one\nid={}", planted().as_str()),
        format!("{:?}", VALUE.as_bytes()),
        format!("got {MALFORMED:?}"),
    ] {
        assert!(std::panic::catch_unwind(|| check("a text", &text, &[planted()])).is_err(), "{text}");
    }
}

#[test]
fn the_log_keeps_what_is_said() {
    log();
    tracing::trace!(number = 17, "the quietest of all");
    let _span = tracing::trace_span!("a span", number = 18).entered();
    let text = log().lock().unwrap().clone();
    assert!(text.contains("the quietest of all") && text.contains("number=17") && text.contains("number=18"));
}

/// Every session file below a folder becomes garbage that begins as it did.
fn damage(folder: &Path) -> usize {
    let mut damaged = 0;
    for sub in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for file in std::fs::read_dir(sub).unwrap().map(|entry| entry.unwrap().path()) {
            if file.file_name().unwrap().len() == 64 {
                let bytes = std::fs::read(&file).unwrap();
                std::fs::write(&file, &bytes[..bytes.len() - 3]).unwrap();
                damaged += 1;
            }
        }
    }
    damaged
}

/// Waits until a text has been logged so often, while other tasks of this thread run.
async fn until_logged(text: &str, times: usize) {
    let start = Instant::now();
    while log().lock().unwrap().matches(text).count() < times {
        assert!(start.elapsed() < PATIENCE, "not in the log: {text}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_log_shows_no_secret() {
    log();
    let mut ids = vec![planted()];
    for kind in KINDS {
        let place = Place::new(kind);
        let limits = Limits::default().max_value_bytes(100).max_record_bytes(200);
        let client = Client::of(
            place.builder().limits(limits).header_name("x-session").shutdown_timeout(Duration::ZERO).build().unwrap(),
        )
        .await;
        let login = format!("set:user={VALUE},principal:{VALUE}");
        let id = client.new_does(&login).await.issued();
        ids.push(id.clone());

        // What goes well, and what the application does wrong.
        for steps in ["get", "data,info,id", "set:n=1", "update:n", "number:user", "update:user", "remove:n,set:n=1"] {
            client.does(&id, steps).await;
        }
        for steps in
            ["fill:150", "set:a=1,get,fill:90", "get,be:x", "passive,get", "others", "get,status:500", "fail:500"]
        {
            client.does(&id, &format!("{steps},set:user={VALUE}")).await;
        }
        for steps in ["get", "set", "destroy"] {
            client.with_cookie(&format!("{NAME}={MALFORMED}; {NAME}=\"{}\"", planted().as_str()), steps).await;
            client.with_header("x-session", MALFORMED, steps).await;
            client.does(&planted(), &format!("{steps},remove:user")).await;
        }

        // A session that ends while a request writes to it.
        let id = client.new_does(&login).await.issued();
        let slow = client.does(&id, "get,pause,set:user=hunter2");
        let (_, renewed) = client.during(slow, client.does(&id, "renew")).await;
        ids.extend([id, renewed.issued()]);
        let id = client.new_does(&login).await.issued();
        let slow = client.does(&id, "get,pause,set:user=hunter2");
        client.during(slow, client.does(&id, "destroy")).await;
        ids.push(id);

        // A storage that fails in every way, at every moment.
        let id = client.new_does(&login).await.issued();
        ids.push(id.clone());
        for op in [Op::Fetch, Op::Load, Op::Create, Op::Commit, Op::Move, Op::Remove, Op::Find] {
            place.probe.fail(&[op]);
            for steps in ["get", "data", "peek", "set:user=hunter2", "renew", "destroy", "update:n", "others", "save"] {
                let answer = client.does(&id, &format!("set:user={VALUE},{steps}")).await;
                assert!([200, 409, 503].contains(&answer.status), "{}", answer.status);
                check("a body", &answer.body.replace(VALUE, ""), &ids);
                ids.extend(answer.cookies().iter().filter_map(|line| {
                    SessionId::parse(line.strip_prefix(&format!("{NAME}="))?.split(';').next()?).ok()
                }));
            }
            client.new_does(&login).await;
        }

        // A request that is cut off, whose destroy then fails.
        let cut_off = "could not be ended after its request; giving up";
        let before = log().lock().unwrap().matches(cut_off).count();
        place.probe.fail(&[Op::Remove]);
        let id = ids.last().unwrap().clone();
        assert!(client.does(&id, &format!("set:user={VALUE},destroy,pause")).now_or_never().is_none());
        until_logged(cut_off, before + 1).await;
        place.probe.fail(&[]);

        // One that is forgotten, outside the middleware.
        let forgotten = AsyncManager::new(place.storage()).begin(None, ClientInfo::default);
        forgotten.set("user", VALUE).unwrap();
        drop(forgotten);

        if kind == Kind::File {
            let id = client.new_does(&login).await.issued();
            assert!(damage(&place.folder()) > 0);
            assert_eq!(client.does(&id, "get").await.body, "-", "a damaged session is none");
            ids.push(id.clone());
        }
    }
    let text = log().lock().unwrap().clone();
    for line in [
        "a session ended or was renewed while a request was writing",
        "a session operation failed",
        "a session was dropped with unsaved changes",
        "a session file cannot be read",
        CAUSE,
    ] {
        assert!(text.contains(line), "not in the log, so nothing was tested: {line}");
    }
    check("the log", &text, &ids);
}

#[tokio::test]
async fn errors_show_no_secret() {
    log();
    let place = Place::memory();
    let limits = Limits::default().max_value_bytes(100);
    let client = Client::of(place.builder().limits(limits).build().unwrap()).await;
    let id = client.new_does(&format!("set:user={VALUE}")).await.issued();
    let broken = CustomIds::new(|_: &ClientInfo| Err(IdError::new("no entropy")), |_: &str| true);
    let manager =
        AsyncManager::builder(place.storage()).realm(NAME).clock(place.clock.clone()).limits(limits).build().unwrap();
    let without_ids = AsyncManager::builder(place.storage()).realm(NAME).id_generator(broken).build().unwrap();
    let session = || manager.begin(Some(id.as_str()), ClientInfo::default);

    let mut errors: Vec<gsession::Error> = Vec::new();
    errors.push(session().get::<u64>("user").await.unwrap_err());
    errors.push(session().get::<Vec<String>>("user").await.unwrap_err());
    errors.push(session().get::<gsession_like::Role>("user").await.unwrap_err());
    errors.push(session().update("user", |n: Option<u64>| n.unwrap_or(0)).await.unwrap_err());
    errors.push(session().set("user", &VALUE.repeat(100)).unwrap_err());
    let by_secret = std::collections::HashMap::from([((1, VALUE), 1)]);
    errors.push(session().set("user", &by_secret).unwrap_err());
    errors.push(session().set_id(SessionId::custom(MALFORMED).unwrap()).unwrap_err());
    let used = session();
    used.set("user", VALUE).unwrap();
    errors.push(used.set_id(planted()).unwrap_err());
    used.abandon();
    let unsaved = without_ids.begin(None, ClientInfo::default);
    unsaved.set("user", VALUE).unwrap();
    errors.push(unsaved.save().await.unwrap_err());
    unsaved.abandon();
    place.probe.fail(&[Op::Fetch, Op::Load, Op::Commit, Op::Create, Op::Move, Op::Remove]);
    errors.push(session().data().await.unwrap_err());
    let ended = session();
    ended.destroy();
    errors.push(ended.save().await.unwrap_err());
    place.probe.fail(&[]);
    let late = session();
    late.data().await.unwrap();
    assert!(manager.destroy(key_of(&id)).await.unwrap());
    errors.push(late.update("user", |_: Option<String>| VALUE.to_owned()).await.unwrap_err());

    assert_eq!(errors.len(), 12);
    for error in errors {
        check("an error", &told(&error), std::slice::from_ref(&id));
        let error = SessionError::from(error);
        check("an error", &told(&error), std::slice::from_ref(&id));
        check("an error", &framework::shown_error(error), std::slice::from_ref(&id));
    }
    check("an error", &told(&SessionId::parse(MALFORMED).unwrap_err()), &[]);
    check("an error", &told(&SessionId::custom(&format!("{MALFORMED};")).unwrap_err()), &[]);
}

/// A type whose errors name what they found.
mod gsession_like {
    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub(crate) enum Role {
        Admin,
        Editor,
    }
}

#[tokio::test]
async fn debug_shows_no_secret() {
    log();
    async fn handler(ask: Ask, found: Arc<Mutex<String>>) -> Result<Reply, Failure> {
        let session = ask.session();
        let (again, extensions) = (ask.session(), ask.extensions());
        drop(ask);
        session.set("user", VALUE)?;
        session.set_principal(VALUE)?;
        let _: Option<String> = session.get("user").await?;
        let saved = session.save().await?;
        let texts =
            [shown(&session), shown(&session.core()), shown(&again), extensions, shown(&saved), shown(&session.id())];
        found.lock().unwrap().push_str(&texts.join("\n"));
        Ok("".into())
    }
    let place = Place::memory();
    let found = Arc::new(Mutex::new(String::new()));
    let finds = Arc::clone(&found);
    let app = App::new().route("/", move |ask| handler(ask, Arc::clone(&finds)));
    let client = app.wrap(place.sessions()).client().await;
    let request = Request::get("/").header("cookie", format!("{NAME}={}", planted().as_str()));
    let id = client.send(request).await.issued();
    let mut texts = vec![found.lock().unwrap().clone()];
    assert!(texts[0].contains("Session"));

    let key = key_of(&id);
    let now = place.clock.now();
    let record: Record = place.record(&id).unwrap();
    let mut changes = Changes::default();
    changes.set("user", format!("\"{VALUE}\""));
    changes.set_principal(Some(VALUE.into()));
    let commit = Commit::new(changes.clone(), Access::passive(now)).expecting("user", Some(VALUE));
    let client_info = ClientInfo::new(None).with_header("cookie", format!("{NAME}={}", id.as_str()).as_bytes());
    let delivery = Delivery::Send { id: id.clone(), expires_at: now, is_remembered: false };
    let session = place.sessions().manager().begin(Some(id.as_str()), || client_info.clone());
    let conflict = place.probe.commit(&key, &commit).unwrap();
    texts.extend([
        shown(&id),
        shown(&key),
        shown(&record),
        shown(&record.entries),
        shown(&record.entries.get("user").unwrap()),
        shown(&Entries::pack([("user", VALUE)]).unwrap()),
        shown(&changes),
        shown(&commit),
        shown(&commit.expect),
        shown(&conflict),
        shown(&Snapshot::complete(record.clone())),
        shown(&place.probe.load(&key, &Access::passive(now)).unwrap()),
        shown(&Found::new(key, record.clone())),
        shown(&client_info),
        shown(&delivery),
        shown(&session),
        shown(&place.sessions()),
        shown(place.sessions().manager()),
        shown(&Sessions::builder(place.storage()).header_name("x-session")),
        shown(&place.storage()),
        shown(&SessionId::custom(MALFORMED)),
        shown(&HashedIds::new()),
    ]);
    session.set("user", VALUE).unwrap();
    texts.push(shown(&session));
    texts.push(shown(&session.close().await.unwrap()));
    texts.extend(framework::shown_services(place.sessions()).await);

    for text in texts {
        check("Debug", &text, &[id.clone(), planted()]);
    }
}

/// The key of a storage tells nothing that could be presented.
#[tokio::test]
async fn a_key_cannot_be_replayed() {
    log();
    for kind in KINDS {
        let place = Place::new(kind);
        let client = Client::of(place.sessions()).await;
        let id = client.login().await;
        let key = key_of(&id);
        place.asked();
        let replayed = SessionId::from_random(*key.as_bytes());
        for text in [key.to_string(), key.to_string()[..43].to_owned(), replayed.as_str().to_owned()] {
            assert_eq!(client.with_cookie(&format!("{NAME}={text}"), "get").await.body, "-");
        }
        assert!(place.record(&id).is_some());
        if kind == Kind::File {
            let mut names = Vec::new();
            let mut folders = vec![place.folder()];
            while let Some(folder) = folders.pop() {
                for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                    names.push(entry.to_str().unwrap().to_owned());
                    if entry.is_dir() {
                        folders.push(entry);
                    }
                }
            }
            assert!(names.iter().any(|name| name.contains(&key.to_string())), "{names:?}");
            assert!(!names.iter().any(|name| name.contains(id.as_str())));
        }
    }
}
