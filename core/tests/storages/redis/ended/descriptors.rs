//! A process that is out of descriptors when somebody begins to wait.

use std::fs::File;

use gsession_test_servers::RedisServer;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Form, calls, ends, log_out, open, visitor, watching};
use crate::support::child::{Process, command, role, say};

const FORMS: [Form; 2] = [Form::Strings, Form::Hashes];

/// Takes all descriptors that the process may have.
fn exhaust() -> (Rlimit, Vec<File>) {
    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(256), maximum: before.maximum }).unwrap();
    (before, std::iter::from_fn(|| File::open("/dev/null").ok()).collect())
}

/// Waits for the parent, and lets others work.
async fn told() {
    let line = || std::io::stdin().read_line(&mut String::new());
    tokio::task::spawn_blocking(line).await.unwrap().unwrap();
}

/// The part of the child: two sessions, and those who wait for their ends begin while nothing can be opened.
async fn wait_without_descriptors(form: Form, url: &str) {
    let (here, there) = (form.manager(url), form.manager(url));
    let (first, one) = visitor(&here).await;
    let (second, _) = visitor(&there).await;
    let (before, files) = exhaust();
    let one = tokio::spawn(one.ended());
    say("waiting");
    told().await;
    log_out(&there, &first).await;
    ends("no descriptor is left", one).await;
    let two = tokio::spawn(open(&here, &second).ended());
    say("waiting again");
    told().await;
    drop(files);
    setrlimit(Resource::Nofile, before).unwrap();
    say("freed");
    told().await;
    log_out(&there, &second).await;
    ends("there are descriptors again", two).await;
}

#[test]
fn who_begins_to_wait_while_no_descriptor_is_left_is_told_all_the_same() {
    if let Some(role) = role() {
        let (form, url) = role.split_once(' ').unwrap();
        let form = FORMS.into_iter().find(|known| format!("{known:?}") == form).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(wait_without_descriptors(form, url));
    }
    for form in FORMS {
        let server = RedisServer::start();
        let until = |what: &str, holds: &dyn Fn() -> bool| {
            let start = std::time::Instant::now();
            while !holds() {
                assert!(start.elapsed() < super::PATIENCE, "waited in vain: {form:?}: {what}");
                std::thread::sleep(super::SOON / 50);
            }
        };
        let looks = || calls(&server, "get") + calls(&server, "hmget");
        let role = format!("{form:?} {}", server.url());
        let name = "redis::ended::descriptors::who_begins_to_wait_while_no_descriptor_is_left_is_told_all_the_same";
        let mut child = Process::start(command(name, &role));
        child.expect("waiting");
        until("it looks again and again", &|| looks() >= 3);
        assert!(watching(&server).is_empty(), "{form:?}: nothing can be reported yet");
        child.tell("");
        child.expect("waiting again");
        let before = looks();
        until("the other is looked at", &|| looks() >= before + 3);
        child.tell("");
        child.expect("freed");
        until("the server reports", &|| !watching(&server).is_empty());
        child.tell("");
        child.finish();
    }
}
