//! A client that renews between any two commands of a listing, which no real client can do so exactly.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::*;
use crate::{
    BincodeCodec, Codec as _, Limits, Record,
    id::SealedId,
    storage::{
        Tombstone,
        redis::{
            connection::{Address, Connections, Settings, Target},
            layout::{Format as _, LayoutSettings},
            native::{
                header::{LEN, encode_tombstone},
                strings::Strings,
            },
            servers::Topology,
        },
    },
    wait::wait,
};

const NOW: Timestamp = Timestamp::from_millis(1_750_000_000_000);

/// When the client renews.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renews {
    Never,
    /// Before each command: nobody ever sees the session.
    AheadOfAll,
    /// Before it is opened: its header can be seen, and no more.
    BeforeOpened,
}

/// A server with a session of ada's, and the client that has it.
struct State {
    values: BTreeMap<String, Vec<u8>>,
    live: u32,
    renews: Renews,
    questions: u32,
}

/// The server.
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
            encode_tombstone(&Tombstone::new(key(self.live + 1), NOW, SealedId::from_bytes(&[]))),
        );
        self.live += 1;
        self.values.insert(key(self.live).to_string(), value.unwrap());
    }

    fn answer(&mut self, words: &[String]) -> Value {
        if words[0] == "HELLO" {
            return Value::Array(Vec::new());
        }
        self.questions += 1;
        if self.renews == Renews::AheadOfAll || self.renews == Renews::BeforeOpened && words[0] == "GET" {
            self.renew();
        }
        let value = words.get(1).and_then(|name| self.values.get(name).cloned());
        match words[0].as_str() {
            // The mark of the index is there.
            "EXISTS" => Value::Int(1),
            "ZRANGEBYSCORE" => {
                let noted_now = NOW.as_millis() / 60_000;
                let score = ((noted_now + 4) << 26 | noted_now).to_string();
                let entry = [key(self.live).as_bytes().to_vec(), score.into_bytes()];
                Value::Array(entry.map(Value::BulkString).to_vec())
            }
            "GETRANGE" => {
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

/// Serves a connection: reads commands, each an array of strings, and writes answers.
fn serve(fake: &Fake, stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    let line = |reader: &mut BufReader<TcpStream>| {
        let mut line = String::new();
        (reader.read_line(&mut line).unwrap_or(0) > 0).then(|| line.trim_end().to_owned())
    };
    while let Some(count) = line(&mut reader) {
        let mut words = Vec::new();
        for _ in 0..count[1..].parse::<usize>().unwrap() {
            line(&mut reader);
            words.extend(line(&mut reader));
        }
        let mut answer = Vec::new();
        encode(&fake.state().answer(&words), &mut answer);
        writer.write_all(&answer).unwrap();
    }
}

fn encode(value: &Value, into: &mut Vec<u8>) {
    match value {
        Value::Nil => into.extend(b"_\r\n"),
        Value::BulkString(bytes) => {
            into.extend(format!("${}\r\n", bytes.len()).bytes());
            into.extend(bytes);
            into.extend(b"\r\n");
        }
        Value::Int(number) => into.extend(format!(":{number}\r\n").bytes()),
        Value::Array(parts) => {
            into.extend(format!("*{}\r\n", parts.len()).bytes());
            parts.iter().for_each(|part| encode(part, into));
        }
        other => panic!("{other:?} is not answered in a listing"),
    }
}

/// What a listing gives, and the state afterwards.
fn listed(renews: Renews, renewed_before: u32) -> (Answered<Vec<Found>>, Fake) {
    let mut state = State { values: BTreeMap::new(), live: 0, renews, questions: 0 };
    state.values.insert(key(0).to_string(), session());
    for _ in 0..renewed_before {
        state.renew();
    }
    let fake = Fake(Arc::new(Mutex::new(state)));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let served = fake.clone();
    std::thread::spawn(move || serve(&served, listener.accept().unwrap().0));
    let settings = Settings {
        connect_timeout: Duration::from_secs(1),
        response_timeout: Duration::from_secs(1),
        probe_after: Duration::from_secs(1),
        near_cache: None,
        keeps_sessions: true,
        replicas: None,
        #[cfg(feature = "redis-tls")]
        tls: crate::storage::redis::tls::RedisTls::default(),
    };
    let target = Target::Single(Address::parse(&url).unwrap());
    let topology = Arc::new(Topology::new(target, &settings).unwrap());
    let servers = Servers::new(topology, &settings, Connections::blocking());
    let layout = Strings::new(LayoutSettings {
        prefix: Some(String::new()),
        limits: Limits::default(),
        codec: None,
        has_near_cache: false,
    });
    let result = wait(find(&layout.unwrap(), &servers, "ada", NOW));
    (result, fake)
}

#[test]
fn the_fake_understands_what_it_is_asked() {
    let mut state = State { values: BTreeMap::new(), live: 0, renews: Renews::Never, questions: 0 };
    state.values.insert("a".to_owned(), b"xS".to_vec());
    let mut asked = |command: &str| state.answer(&command.split(' ').map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(asked("GET a"), Value::BulkString(b"xS".to_vec()));
    assert_eq!(asked("GETRANGE a 0 0"), Value::BulkString(b"x".to_vec()));
}

#[test]
fn a_session_that_lies_still_is_opened_once() {
    for renewed_before in [0, 3] {
        let (result, fake) = listed(Renews::Never, renewed_before);
        let found = result.unwrap();
        assert_eq!(found.iter().map(|found| found.key).collect::<Vec<_>>(), [key(renewed_before)]);
        assert_eq!(fake.state().questions, 3, "the mark, the index, the session");
    }
}

#[test]
fn a_session_that_is_renewed_before_it_can_be_opened_is_listed_under_an_old_key() {
    let (result, fake) = listed(Renews::BeforeOpened, 1);
    let found = result.unwrap();
    let [found] = &found[..] else { panic!("one session: {found:?}") };
    assert_eq!(found.record.principal.as_deref(), Some("ada"));
    let state = fake.state();
    assert!(state.questions < 3 * HOPS, "{}", state.questions);
    // A logout under that key finds the session by its tombstone.
    let Some(Head::Tombstone(tombstone)) = Head::decode(&state.values[&found.key.to_string()]) else {
        panic!("a tombstone")
    };
    assert!((1..=state.live).any(|number| key(number) == tombstone.to));
}

#[test]
fn a_session_of_which_only_tombstones_are_seen_fails_the_listing_in_the_end() {
    let (result, fake) = listed(Renews::AheadOfAll, 1);
    assert_eq!(result.unwrap_err().kind(), StorageErrorKind::Other);
    assert!(fake.state().questions < BLIND_HOPS + 10, "{}", fake.state().questions);
}
