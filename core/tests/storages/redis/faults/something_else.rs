//! Something else stands under a session's key.

use super::*;

#[test]
fn what_is_no_session_is_absent_and_the_next_write_works() {
    let server = RedisServer::start();
    for which in ALL {
        let face = Face::at(which, &server.url());
        let run = |parts: &[&[u8]]| drop(server.command(parts));
        // The value of a real session of this form, and of the other one.
        let raw = |key: &[u8]| server.command(&[b"DUMP", key]);
        let dump = |form| {
            let id = Face::at((form, Side::Blocking), &server.url()).login();
            let Reply::Bytes(dump) = raw(&name(&StoreKey::of(&id))) else { panic!("it was stored") };
            dump
        };
        let (strings, hashes) = (dump(Form::Strings), dump(Form::Hashes));
        let (own, foreign) = match which.0 {
            Form::Strings => (&strings, &hashes),
            Form::Hashes => (&hashes, &strings),
        };
        let string = |key: &[u8], value: &[u8]| run(&[b"SET", key, value, b"PX", b"600000"]);
        let hash = |key: &[u8], fields: &[&[u8]]| {
            run(&[&[&b"HSET"[..], key], fields].concat());
            run(&[b"PEXPIRE", key, b"600000"]);
        };
        let restore = |key: &[u8], dump: &[u8]| run(&[b"RESTORE", key, b"600000", dump, b"REPLACE"]);
        let value_of = |key: &[u8]| head(&server, key);

        type Put<'a> = (String, Box<dyn Fn(&[u8]) + 'a>);
        let mut cases: Vec<Put<'_>> = vec![
            (
                "a list".into(),
                Box::new(|key| {
                    run(&[b"LPUSH", key, b"x"]);
                    run(&[b"PEXPIRE", key, b"600000"]);
                }),
            ),
            (
                "a set".into(),
                Box::new(|key| {
                    run(&[b"SADD", key, b"x"]);
                    run(&[b"PEXPIRE", key, b"600000"]);
                }),
            ),
            ("the other storage's".into(), Box::new(|key| restore(key, foreign))),
        ];
        let garbage: Vec<(String, Vec<u8>)> = vec![
            ("nothing".into(), vec![]),
            ("a byte".into(), vec![1]),
            ("text".into(), b"{\"user\":\"ada\"}".to_vec()),
            ("zeros".into(), vec![0; 200]),
            ("ones".into(), vec![1; 200]),
            ("0xff".into(), vec![0xff; 200]),
            ("a header of 0xff".into(), [&b"\x01S"[..], &[0xff; 200]].concat()),
            ("a header of zeros".into(), [&b"\x01S"[..], &[0; 200]].concat()),
            ("an unknown kind".into(), [&b"\x01Q"[..], &[7; 200]].concat()),
            ("a short tombstone".into(), b"\x01F1234".to_vec()),
            ("a long-ended tombstone".into(), [&b"\x01F"[..], &[0; 40]].concat()),
        ];
        for (what, bytes) in garbage {
            let string = &string;
            let hash = &hash;
            match which.0 {
                Form::Strings => cases.push((what, Box::new(move |key| string(key, &bytes)))),
                Form::Hashes => cases.push((what, Box::new(move |key| hash(key, &[b"m", &bytes])))),
            }
        }
        // A real session that was damaged.
        let damage = |key: &[u8], change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
            restore(key, own);
            let value = change(value_of(key));
            match which.0 {
                Form::Strings => string(key, &value),
                Form::Hashes => hash(key, &[b"m", &value]),
            }
        };
        let damage = &damage;
        let longest = {
            restore(b"look", own);
            let longest = value_of(b"look").len();
            run(&[b"DEL", b"look"]);
            longest
        };
        for len in 0..longest {
            cases.push((format!("cut at {len}"), Box::new(move |key| damage(key, &|v| v[..len].to_vec()))));
        }
        cases.push((
            "a future version".into(),
            Box::new(|key| {
                damage(key, &|mut v| {
                    v[0] = 2;
                    v
                });
            }),
        ));
        match which.0 {
            Form::Strings => {
                cases.push((
                    "a tail of garbage".into(),
                    Box::new(|key| {
                        damage(key, &|v| [v, vec![0xff; 50]].concat());
                    }),
                ));
                cases.push((
                    "a huge log offset".into(),
                    Box::new(|key| {
                        damage(key, &|mut v| {
                            v[58..62].copy_from_slice(&[0xff; 4]);
                            v
                        });
                    }),
                ));
                cases.push((
                    "a log that begins in the header".into(),
                    Box::new(|key| {
                        damage(key, &|mut v| {
                            v[58..62].copy_from_slice(&[5, 0, 0, 0]);
                            v
                        });
                    }),
                ));
            }
            Form::Hashes => {
                cases.push(("no header".into(), Box::new(|key| hash(key, &[b":user", b"\"ada\""]))));
            }
        }
        for (what, put) in cases {
            let id = HashedIds::new().generate(&ClientInfo::default()).unwrap();
            let key = name(&StoreKey::of(&id));
            put(&key);
            let there = raw(&key);
            for active in [false, true] {
                let access = if active { support::active(now()) } else { Access::passive(now()) };
                let lookup = face.storage.load(&StoreKey::of(&id), &access).unwrap();
                assert!(matches!(lookup, Lookup::Absent), "{face:?}: {what}: {lookup:?}");
            }
            assert_eq!(face.with(&id).get("n").unwrap(), None, "{face:?}: {what}");
            // A request that reads first gets a new session under a new id, and leaves what is there alone.
            let request = face.with(&id);
            assert_eq!(tell_len(&request).unwrap(), 0, "{face:?}: {what}");
            let fresh = request.set("x", 9).close().unwrap().unwrap_or_else(|| panic!("{face:?}: {what}: no new id"));
            assert_ne!(fresh, id);
            assert_eq!(face.with(&fresh).get("x").unwrap(), Some(9), "{face:?}: {what}");
            // The header of a session that is damaged behind it can be read, and so touched.
            let is_headed = value_of(&key).get(..2) == Some(b"\x01S") && value_of(&key).len() >= 62;
            assert!(raw(&key) == there || is_headed, "{face:?}: {what}: it was changed");
            // Listing and sweeping do not mind.
            face.storage.find("ada", now()).unwrap();
            face.storage.sweep(now()).unwrap();
            run(&[b"DEL", &key]);

            // One that writes, renews or logs out without reading does not fail either.
            put(&key);
            for renews in [false, true] {
                let request = face.with(&id);
                request.set("x", 9);
                if renews {
                    request.renew();
                }
                match request.close() {
                    // What the header says about its size is believed by who has not looked: see the next test.
                    Err(Error::Storage(error)) if matches!(error.kind(), StorageErrorKind::Limit(_)) => {}
                    closed => assert!(closed.is_ok(), "{face:?}: {what}: {}", texts(&closed.unwrap_err())),
                }
            }
            let ended = face.with(&id).destroy().save();
            assert!(ended.is_ok(), "{face:?}: {what}: {}", texts(&ended.unwrap_err()));
            assert_all_expire(&server);
            server.command(&["FLUSHALL"]);
        }
    }
}

#[test]
fn a_session_under_which_something_else_appears_meanwhile() {
    let server = RedisServer::start();
    for which in ALL {
        let face = Face::at(which, &server.url());
        face.warm_up();
        for replace in [
            |server: &RedisServer, key: &[u8]| drop(server.command(&[b"LPUSH", key, b"x"])),
            |server: &RedisServer, key: &[u8]| drop(server.command(&[b"SET", key, b"\x02Sgarbage"])),
            |server: &RedisServer, key: &[u8]| drop(server.command(&[b"HSET", key, b"f", b"v"])),
        ] {
            let id = face.login();
            let key = name(&StoreKey::of(&id));
            let request = face.with(&id);
            assert_eq!(request.get("n").unwrap(), Some(1));
            server.command(&[b"DEL", &key[..]]);
            replace(&server, &key);
            assert_eq!(request.set("n", 2).save().unwrap(), Saved::Gone, "{face:?}");
            let update = face.with(&id).add("n");
            assert!(matches!(update, Ok(1)), "{face:?}: {update:?}");
            server.command(&["FLUSHALL"]);
        }
    }
}

#[test]
fn scripts_that_are_flushed_at_any_time() {
    let server = RedisServer::start();
    let flush = || drop(server.command(&["SCRIPT", "FLUSH"]));
    for which in ALL {
        let face = Face::at(which, &server.url());
        flush();
        let id = face.login();
        flush();
        assert_eq!(face.with(&id).get("n").unwrap(), Some(1));
        flush();
        let touched = face.storage.touch(&StoreKey::of(&id), &support::active(now() + Duration::from_secs(5))).unwrap();
        assert!(matches!(touched, Touched::Done(_)));
        flush();
        let lookup = face.storage.load(&StoreKey::of(&id), &support::active(now() + Duration::from_secs(90))).unwrap();
        assert!(matches!(lookup, Lookup::Found(_)));
        flush();
        assert_eq!(face.with(&id).set("a", 1).save().unwrap(), Saved::Committed);
        flush();
        assert_eq!(face.with(&id).add("n").unwrap(), 2);
        flush();
        let request = face.with(&id);
        let renewed = request.renew().close().unwrap().unwrap();
        flush();
        assert_eq!(face.with(&renewed).get("n").unwrap(), Some(2));
        flush();
        face.storage.find("ada", now()).unwrap();
        flush();
        face.storage.sweep(now()).unwrap();
        flush();
        assert_eq!(face.with(&id).destroy().save().unwrap(), Saved::Destroyed);
        flush();
        assert_eq!(face.with(&renewed).get("n").unwrap(), None);
        assert_all_expire(&server);

        // And while others work.
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let flusher = scope.spawn(|| {
                let mut client = server.client();
                while !over.load(Ordering::SeqCst) {
                    client.command(&["SCRIPT", "FLUSH"]).unwrap();
                    thread::yield_now();
                }
            });
            let id = face.login();
            for n in 0..200 {
                assert_eq!(face.with(&id).add("n").unwrap(), n + 2, "{face:?}");
            }
            assert_eq!(face.with(&id).destroy().save().unwrap(), Saved::Destroyed);
            over.store(true, Ordering::SeqCst);
            flusher.join().unwrap();
        });
    }
}
