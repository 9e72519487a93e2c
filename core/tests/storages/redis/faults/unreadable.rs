//! Sessions whose header is sound and that cannot be read: what a request writes there without having looked must not be lost,
//! although the server appends it without knowing (S8, S11).

use super::*;

/// The damage that one byte or a cut can do to a value.
fn damages(whole: &[u8]) -> Vec<(String, Vec<u8>)> {
    let cuts = (1..whole.len()).map(|len| (format!("cut at {len}"), whole[..len].to_vec()));
    let flips = (0..whole.len()).flat_map(|at| {
        [0x01, 0x10, 0x80, 0xff].map(|bits| {
            let mut value = whole.to_vec();
            value[at] ^= bits;
            (format!("byte {at} changed by {bits:#x}"), value)
        })
    });
    cuts.chain(flips).collect()
}

/// What a request does.
type Deed = fn(&Request);

/// What a request does that has not read its session.
const BLIND: [(&str, Deed); 3] = [
    ("a write", |request| {
        request.set("x", 9);
    }),
    ("a renewal", |request| {
        request.renew().set("x", 9);
    }),
    ("a login", |request| {
        request.renew().set("x", 9);
        tell!(request, session => session.set_principal("ada")).unwrap();
    }),
];

/// Whether what a blind request was told to have stored is there for the next one.
fn is_kept(face: &Face, id: &SessionId, does: Deed) -> Result<(), String> {
    let request = face.with(id);
    does(&request);
    let told = request.close();
    request.abandon();
    let fresh = told.map_err(|error| texts(&error))?;
    let next = face.with(fresh.as_ref().unwrap_or(id));
    match (next.get("x"), tell_len(&next)) {
        (Ok(Some(9)), Ok(_)) => Ok(()),
        other => Err(format!("sent an id: {}, then {other:?}", fresh.is_some())),
    }
}

#[test]
fn a_write_without_a_look_at_a_damaged_session_is_not_lost() {
    let server = RedisServer::start();
    for which in ALL {
        let face = Face::at(which, &server.url());
        let id = face.login();
        let named = face.with(&id);
        tell!(&named, session => session.set_principal("ada")).unwrap();
        named.set("seen", 1).close().unwrap();
        let key = name(&StoreKey::of(&id));
        let whole = head(&server, &key);
        let store = |value: &[u8]| {
            server.command(&[b"DEL", &key[..]]);
            match which.0 {
                Form::Strings => server.command(&[b"SET", &key[..], value, b"PX", b"600000"]),
                Form::Hashes => {
                    server.command(&[b"HSET", &key[..], b"m", value, b":n", b"1"]);
                    server.command(&[b"PEXPIRE", &key[..], b"600000"])
                }
            };
        };
        let damages = damages(&whole);
        let mut lost = Vec::new();
        for (what, value) in &damages {
            for (deed, does) in BLIND {
                store(value);
                if let Err(seen) = is_kept(&face, &id, does) {
                    lost.push(format!("{deed}, {what}: {seen}"));
                }
            }
        }
        assert!(lost.is_empty(), "{face:?}: {} of {}: {:#?}", lost.len(), 3 * damages.len(), lost);
        assert_all_expire(&server);
        server.command(&["FLUSHALL"]);
    }
}

/// Another way to write records than the storage's own, as one that encrypts has.
#[derive(Debug)]
struct Reversed;

impl Codec for Reversed {
    fn encode(&self, record: &Record) -> Result<Vec<u8>, CodecError> {
        let mut bytes = BincodeCodec.encode(record)?;
        bytes.reverse();
        Ok(bytes)
    }

    fn decode(&self, bytes: &[u8], limits: &Limits) -> Result<Record, CodecError> {
        let bytes: Vec<u8> = bytes.iter().rev().copied().collect();
        BincodeCodec.decode(&bytes, limits)
    }
}

/// After a change of settings is taken back, what was stored meanwhile counts as no session.
#[test]
fn a_write_to_what_other_settings_have_stored_is_not_lost() {
    let server = RedisServer::start();
    for side in [Side::Blocking, Side::Waiting] {
        let build = |builder: RedisBuilder<Strings>| Face::over((Form::Strings, side), quick(builder).build().unwrap());
        let url = &server.url();
        let plain = || RedisStorage::builder(url);
        let narrow = |limits: Limits| move || RedisStorage::builder(url).limits(limits);
        type Build<'a> = Box<dyn Fn() -> RedisBuilder<Strings> + 'a>;
        let settings: [(&str, Build<'_>, Build<'_>); 4] = [
            ("a codec", Box::new(|| plain().codec(Reversed)), Box::new(plain)),
            ("no codec", Box::new(plain), Box::new(|| plain().codec(Reversed))),
            ("deep values", Box::new(plain), Box::new(narrow(Limits::default().max_depth(2)))),
            ("many entries", Box::new(plain), Box::new(narrow(Limits::default().max_entries(2)))),
        ];
        for (what, before, after) in settings {
            for (deed, does) in BLIND {
                let (before, after) = (build(before()), build(after()));
                let id = before.login();
                let request = before.with(&id);
                tell!(&request, session => session.set("deep", &[[[1]]])).unwrap();
                request.set("more", 1).close().unwrap();
                let kept = is_kept(&after, &id, does);
                assert!(kept.is_ok(), "{side:?}: {deed} after {what}: {kept:?}");
            }
        }
    }
}

/// An entry that cannot be read damages no other.
#[test]
fn a_damaged_field_is_one_entry_less() {
    let server = RedisServer::start();
    for side in [Side::Blocking, Side::Waiting] {
        let face = Face::at((Form::Hashes, side), &server.url());
        for (field, value) in [
            (&b":\xff\xff"[..], b"1".to_vec()),
            (b":bad", b"\xff\xfe".to_vec()),
            (b":bad", "[".repeat(100_000).into_bytes()),
        ] {
            let id = face.login();
            server.command(&[b"HSET", &name(&StoreKey::of(&id))[..], field, &value]);
            assert_eq!(tell_len(&face.with(&id)).unwrap(), 1);
            let request = face.with(&id);
            assert_eq!((request.get("bad").unwrap(), request.get("n").unwrap()), (None, Some(1)));
            assert_eq!(face.with(&id).set("bad", 2).save().unwrap(), Saved::Committed);
            let fresh = face.with(&id).renew().close().unwrap().unwrap();
            assert_eq!(face.with(&fresh).get("n").unwrap(), Some(1));
        }
    }
}
