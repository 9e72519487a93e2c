//! What the log says while the storage is down: one line a request, and that names the cause.

use std::sync::Mutex;

use crate::support::{
    client::Client,
    log,
    place::Place,
    probe::{CAUSE, Op},
};

/// The lines that an operator is to see, since the last time.
fn told(log: &Mutex<String>) -> Vec<String> {
    let text = std::mem::take(&mut *log.lock().unwrap());
    text.lines().filter(|line| line.starts_with("WARN") || line.starts_with("ERROR")).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_request_that_cannot_be_stored_says_why_in_one_line() {
    let (log, _guard) = log::of_this_thread();
    let place = Place::memory();
    let client = Client::of(place.sessions()).await;
    told(&log);
    for (steps, is_new) in [
        ("set:a=1", false),
        ("get,set:a=1", false),
        ("renew", false),
        ("renew,set:a=1,principal:ada", false),
        ("update:n", false),
        ("set:a=1,save", false),
        ("set:a=1", true),
        ("renew,set:a=1,principal:ada", true),
    ] {
        let id = client.login().await;
        place.probe.fail(&[Op::Create, Op::Commit, Op::Move]);
        let answer = if is_new { client.new_does(steps).await } else { client.does(&id, steps).await };
        assert_eq!(answer.status, 503, "{steps}");
        let lines = told(&log);
        let [line] = lines.as_slice() else { panic!("{steps}: {lines:#?}") };
        assert!(line.contains("a session operation failed") && line.contains(CAUSE), "{steps}: {line}");
        place.probe.fail(&[]);
    }
    // Outside of a request, the application is told by an error, and the log says nothing before it.
    let manager = gsession::AsyncManager::new(place.storage());
    let begin = || manager.begin(None, gsession::ClientInfo::default);
    for closes in [true, false] {
        let session = begin();
        session.set("user", "ada").unwrap();
        place.probe.fail(&[Op::Create]);
        let told_by = if closes { session.close().await.map(drop) } else { session.save().await.map(drop) };
        place.probe.fail(&[]);
        assert!(told_by.is_err());
        drop(session);
        assert_eq!(told(&log), [""; 0]);
    }
    // Where nobody was told, the log says so: also of what was written after an earlier error.
    for failed_before in [false, true] {
        let session = begin();
        if failed_before {
            session.set("theme", "dark").unwrap();
            place.probe.fail(&[Op::Create]);
            assert!(session.save().await.is_err());
            place.probe.fail(&[]);
            let _ = session.save().await.unwrap();
        }
        session.set("user", "ada").unwrap();
        drop(session);
        let lines = told(&log);
        let [line] = lines.as_slice() else { panic!("{lines:#?}") };
        assert!(line.contains("a session was dropped with unsaved changes"), "{line}");
    }
}
