//! Tombstones of renewals that lead in a cycle. No renewal makes one: somebody who may write to the server has put them there.

use super::*;

/// The value of a tombstone that leads to `to`, made a moment ago; nobody has sealed an id in it.
fn tombstone(to: &StoreKey) -> Vec<u8> {
    [&b"\x01F"[..], to.as_bytes(), &now().as_millis().to_le_bytes()].concat()
}

/// Plants tombstones that lead from each of `keys` to the next one, and from the last one to the first.
fn plant(server: &RedisServer, form: Form, keys: &[StoreKey]) {
    for (key, to) in keys.iter().zip(keys.iter().cycle().skip(1)) {
        let (key, value) = (name(key), tombstone(to));
        match form {
            Form::Strings => drop(server.command(&[b"SET", &key[..], &value, b"PX", b"600000"])),
            Form::Hashes => {
                server.command(&[b"HSET", &key[..], b"m", &value]);
                server.command(&[b"PEXPIRE", &key[..], b"600000"]);
            }
        }
    }
}

/// How many commands the server has carried out, those inside of scripts among them.
fn commands(server: &RedisServer) -> usize {
    let stats = server.command(&["INFO", "stats"]).text();
    let count = stats.lines().find_map(|line| line.strip_prefix("total_commands_processed:"));
    count.unwrap().trim().parse().unwrap()
}

#[test]
fn a_cycle_of_tombstones_is_no_session_and_holds_nobody_up() {
    let server = RedisServer::start();
    for which in ALL {
        for size in [1, 2, 3, 100] {
            let face = Face::at(which, &server.url());
            let ids: Vec<SessionId> =
                (0..size).map(|_| HashedIds::new().generate(&ClientInfo::default()).unwrap()).collect();
            let keys: Vec<StoreKey> = ids.iter().map(StoreKey::of).collect();
            plant(&server, which.0, &keys);
            let before = commands(&server);

            assert!(face.storage.find("ada", now()).unwrap().is_empty());
            assert_eq!(face.with(&ids[0]).destroy().save().unwrap(), Saved::Destroyed, "{face:?}, {size}");
            let login = face.with(&ids[0]);
            tell!(&login, session => session.set_principal("ada")).unwrap();
            let fresh = login.renew().set("n", 1).close().unwrap().expect("a login begins a session");
            assert_eq!(face.with(&fresh).get("n").unwrap(), Some(1), "{face:?}, {size}");
            match &face.gives {
                Gives::Blocking(manager) => assert!(!manager.destroy(keys[0]).unwrap()),
                Gives::Waiting(manager, runtime) => assert!(!runtime.block_on(manager.destroy(keys[0])).unwrap()),
            }
            // Each of them passes every key three times at most.
            let asked = commands(&server) - before;
            assert!(asked < 200 + 20 * size, "{face:?}: {asked} commands for a cycle of {size}");
            server.command(&["FLUSHALL"]);
        }
    }
}
