//! Logouts in the background outlast a moment in which the process has no file descriptors left (S9). In a program of its own,
//! because the limit is that of the process.
#![cfg(all(unix, feature = "tower"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::{
    convert::Infallible,
    fs::File,
    time::{Duration, Instant},
};

use gsession::{
    MemoryStorage,
    tower::{Session, SessionExt as _, SessionLayer},
};
use http::{Request, Response};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A session of ada, after the response of its request.
async fn logged_in(sessions: &SessionLayer) -> Session {
    let (keep, mut kept) = tokio::sync::mpsc::unbounded_channel();
    let service = sessions.layer(service_fn(move |request: Request<()>| {
        let keep = keep.clone();
        async move {
            let session = request.get_session();
            session.log_in("ada").await.unwrap();
            keep.send(session).unwrap();
            Ok::<_, Infallible>(Response::new(String::new()))
        }
    }));
    service.oneshot(Request::new(())).await.unwrap();
    kept.recv().await.unwrap()
}

#[tokio::test]
async fn a_moment_without_descriptors_loses_no_logout() {
    let sessions = SessionLayer::new(MemoryStorage::new());
    let living = async || sessions.manager().sessions_of("ada").await.unwrap().len();
    let (first, second) = (logged_in(&sessions).await, logged_in(&sessions).await);

    let limit = getrlimit(Resource::Nofile);
    let mut all = Vec::new();
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..limit }).unwrap();
    while let Ok(file) = File::open("/dev/null") {
        all.push(file);
    }
    first.destroy();
    // The thread that ends sessions needs a descriptor to begin.
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(200) {
        tokio::task::yield_now().await;
    }
    assert_eq!(living().await, 2, "nothing could be ended");
    drop(all);
    setrlimit(Resource::Nofile, limit).unwrap();

    second.destroy();
    let start = Instant::now();
    while living().await > 0 {
        assert!(start.elapsed() < PATIENCE, "the sessions live");
        tokio::task::yield_now().await;
    }
}
