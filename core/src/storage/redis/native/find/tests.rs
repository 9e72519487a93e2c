//! A client that renews between any two questions of a listing, which no real one can do so exactly.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::FutureExt as _;
use redis::{Cmd, Pipeline, RedisResult, cmd};

use super::*;
use crate::{
    BincodeCodec, Codec as _, Limits, Record,
    id::SealedId,
    storage::{
        Trace,
        redis::{
            native::{
                header::{LEN, encode_trace},
                string::Strings,
            },
            server::{Address, Failure, Link, Node, Servers, Settings, Target},
        },
    },
};

const NOW: Timestamp = Timestamp::from_millis(1_750_000_000_000);

/// When the client renews.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renews {
    Never,
    /// Before each question: nobody ever sees the session.
    AheadOfAll,
    /// As soon as somebody has read its header: it can be seen, but not opened.
    WhenSeen,
}

/// A server with a session of ada's, and the client that has it.
struct State {
    values: BTreeMap<String, Vec<u8>>,
    live: u32,
    renews: Renews,
    questions: u32,
}

/// The server, and each connection to it.
#[derive(Clone)]
struct Fake(Arc<Mutex<State>>);

fn key(number: u32) -> StoreKey {
    let mut bytes = [7; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    StoreKey::from_bytes(bytes)
}

fn session() -> Vec<u8> {
    let mut record = Record::new(NOW, Duration::from_secs(60), None);
    record.principal = Some("ada".into());
    let body = BincodeCodec.encode(&record).unwrap();
    let mut header = Header::of(&record, 1, Kind::Session);
    header.log = u32::try_from(LEN + body.len()).unwrap();
    [&header.encode()[..], &body].concat()
}

impl State {
    fn renew(&mut self) {
        let value = self.values.insert(
            key(self.live).to_string(),
            encode_trace(&Trace::new(key(self.live + 1), NOW, SealedId::from_bytes(&[]))),
        );
        self.live += 1;
        self.values.insert(key(self.live).to_string(), value.unwrap());
    }

    fn answer(&mut self, command: &Cmd) -> Value {
        self.questions += 1;
        if self.renews == Renews::AheadOfAll {
            self.renew();
        }
        let packed = String::from_utf8(command.get_packed_command()).unwrap();
        let words: Vec<&str> = packed.split("\r\n").skip(2).step_by(2).collect();
        let value = words.get(1).and_then(|name| self.values.get(*name).cloned());
        let is_live = value.as_ref().is_some_and(|value| value[1] == b'S');
        match words[0] {
            "SCAN" => {
                let names = self.values.keys().map(|name| Value::BulkString(name.as_bytes().to_vec())).collect();
                Value::Array(vec![Value::BulkString(b"0".to_vec()), Value::Array(names)])
            }
            "GETRANGE" => {
                if is_live && self.renews == Renews::WhenSeen {
                    self.renew();
                }
                let value = value.unwrap_or_default();
                let end = words[3].parse::<usize>().unwrap() + 1;
                Value::BulkString(value[..end.min(value.len())].to_vec())
            }
            "GET" => value.map_or(Value::Nil, Value::BulkString),
            other => panic!("{other} is not asked in a listing"),
        }
    }
}

impl Fake {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dialer for Fake {
    type Link = Self;

    async fn link(&self, _node: &Arc<Node>) -> Result<Self, Failure> {
        Ok(self.clone())
    }

    fn put_back(&self, _node: &Arc<Node>, _link: Self) {}

    fn discard(&self, _node: &Arc<Node>, _link: Self) {}

    async fn pause(&self, _duration: Duration) {}
}

impl Link for Fake {
    async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        Ok(self.state().answer(command))
    }

    fn is_confirmed(&self) -> bool {
        true
    }

    fn confirm(&mut self) {}

    fn is_reused(&self) -> bool {
        false
    }

    async fn send_all(&mut self, commands: &Pipeline) -> RedisResult<Vec<Value>> {
        let mut state = self.state();
        Ok(commands.cmd_iter().map(|command| state.answer(command)).collect())
    }
}

/// What a listing gives, and the state afterwards.
fn listed(renews: Renews, renewed_before: u32) -> (Result<Vec<Found>, StorageError>, Fake) {
    let mut state = State { values: BTreeMap::new(), live: 0, renews, questions: 0 };
    state.values.insert(key(0).to_string(), session());
    for _ in 0..renewed_before {
        state.renew();
    }
    let fake = Fake(Arc::new(Mutex::new(state)));
    let settings = Settings {
        connect_timeout: Duration::from_secs(1),
        response_timeout: Duration::from_secs(1),
        probe_after: Duration::from_secs(1),
        near_cache: None,
        replicas: None,
        #[cfg(feature = "redis-tls")]
        tls: crate::storage::redis::tls::RedisTls::default(),
    };
    let target = Target::Single(Address::parse("redis://127.0.0.1:1").unwrap());
    let servers = Servers::new(target, settings).unwrap();
    let layout = Native::new("", Limits::default(), Strings::new(None)).unwrap();
    let wire = Wire { servers: &servers, dialer: &fake };
    let result = find(&layout, &wire, "ada", NOW).now_or_never().expect("nothing here waits");
    (result, fake)
}

#[test]
fn the_fake_understands_what_it_is_asked() {
    let mut state = State { values: BTreeMap::new(), live: 0, renews: Renews::Never, questions: 0 };
    state.values.insert("a".to_owned(), b"xS".to_vec());
    assert_eq!(state.answer(cmd("GET").arg("a")), Value::BulkString(b"xS".to_vec()));
    assert_eq!(state.answer(cmd("GETRANGE").arg("a").arg(0).arg(0)), Value::BulkString(b"x".to_vec()));
}

#[test]
fn a_session_that_lies_still_is_opened_once() {
    for renewed_before in [0, 3] {
        let (result, fake) = listed(Renews::Never, renewed_before);
        let found = result.unwrap();
        assert_eq!(found.iter().map(|found| found.key).collect::<Vec<_>>(), [key(renewed_before)]);
        assert_eq!(fake.state().questions, 1 + (renewed_before + 1) + 1, "a scan, each header, the session");
    }
}

#[test]
fn a_session_that_is_renewed_whenever_it_is_seen_is_listed_under_an_old_key() {
    let (result, fake) = listed(Renews::WhenSeen, 1);
    let found = result.unwrap();
    let [found] = &found[..] else { panic!("one session: {found:?}") };
    assert_eq!(found.record.principal.as_deref(), Some("ada"));
    let state = fake.state();
    assert!(state.questions < 3 * HOPS, "{}", state.questions);
    // From there, whoever ends it comes to where it is.
    let Some(Head::Trace(trace)) = Head::decode(&state.values[&found.key.to_string()]) else { panic!("a trace") };
    assert!((1..=state.live).any(|number| key(number) == trace.to));
}

#[test]
fn a_session_of_which_only_traces_are_seen_fails_the_listing_in_the_end() {
    let (result, fake) = listed(Renews::AheadOfAll, 1);
    assert_eq!(result.unwrap_err().kind(), StorageErrorKind::Other);
    assert!(fake.state().questions < BLIND_HOPS + 10, "{}", fake.state().questions);
}
