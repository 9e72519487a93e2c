//! What an observer is told of requests over HTTP.

use std::sync::{Arc, Mutex};

use gsession::{
    SessionId,
    observe::{EndReason, LoggedIn, Observer, RefusalReason, Refused, SessionCreated, SessionEnded},
};

use crate::support::{
    NAME,
    ids::{malformed, planted},
    key_of,
    place::{Kind, Place},
    server::{Raw, Server},
};

/// Keeps what it is told, as lines.
#[derive(Default)]
struct Audit(Mutex<Vec<String>>);

impl Audit {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

impl Observer for Audit {
    fn session_created(&self, event: &SessionCreated) {
        self.note(format!("created {}", event.key));
    }

    fn logged_in(&self, event: &LoggedIn<'_>) {
        self.note(format!("{} logged in {}", event.principal, event.key));
    }

    fn session_ended(&self, event: &SessionEnded) {
        self.note(format!("ended {} {}", event.key, event.reason.as_str()));
    }

    fn refused(&self, event: &Refused) {
        let key = event.key.map(|key| key.to_string()).unwrap_or_default();
        self.note(format!("refused {key} {}", event.reason.as_str()));
    }
}

fn issued(answer: &Raw) -> SessionId {
    let cookie = answer.cookies()[0];
    let value = cookie.strip_prefix(&format!("{NAME}=")).unwrap().split(';').next().unwrap();
    SessionId::parse(value).unwrap()
}

#[test]
fn what_happens_over_http_is_told_once() {
    for kind in [Kind::Memory, Kind::File, Kind::RedisString, Kind::RedisHash] {
        let (place, audit) = (Place::new(kind), Arc::new(Audit::default()));
        let server = Server::of(place.builder().observer(audit.clone()).build().unwrap());
        let ask = |steps: &str, cookie: Option<&str>| {
            let cookie = cookie.map(|id| format!("Cookie: {NAME}={id}").into_bytes());
            let headers: Vec<&[u8]> = cookie.iter().map(Vec::as_slice).collect();
            let answer = server.ask(&format!("/do/{steps}"), &headers);
            assert_eq!(answer.status(), 200, "{kind:?}: {answer:?}");
            answer
        };
        assert_eq!(ask("hold", None).cookies(), Vec::<&str>::new());
        assert_eq!(audit.take(), Vec::<String>::new(), "{kind:?}: an unused session");

        let id = issued(&ask("set:user=ada", None));
        let key = key_of(&id);
        assert_eq!(audit.take(), [format!("created {key}")], "{kind:?}");
        ask("get,set:user=bob", Some(id.as_str()));
        assert_eq!(audit.take(), Vec::<String>::new(), "{kind:?}");

        let user = issued(&ask("login:ada", Some(id.as_str())));
        assert_eq!(audit.take(), [format!("ada logged in {}", key_of(&user))], "{kind:?}");

        for _ in 0..2 {
            ask("destroy", Some(user.as_str()));
        }
        let ended = EndReason::LoggedOut.as_str();
        assert_eq!(audit.take(), [format!("ended {} {ended}", key_of(&user))], "{kind:?}: two clicks are one logout");

        ask("get", Some(planted().as_str()));
        let unknown = RefusalReason::Unknown.as_str();
        assert_eq!(audit.take(), [format!("refused {} {unknown}", key_of(&planted()))], "{kind:?}");
        ask("get", Some(&malformed()[2]));
        assert_eq!(audit.take(), [format!("refused  {}", RefusalReason::Malformed.as_str())], "{kind:?}");
    }
}
