//! Others change what lies under a key between two steps of a request.

use std::thread;

use gsession::{RedisStorage, Saved};
use gsession_test_servers::{Proxy, RedisServer, resp::Reply};

use super::{KEY, each, logged_in, logged_out, open, told_of_others};

/// A logout whose session is another one when it comes to be removed.
#[test]
fn a_change_between_judging_and_removing_saves_no_session() {
    let server = RedisServer::start();
    for (what, change, rest) in [
        ("changed", &["SET", KEY, " {\"n\":2}", "EX", "1000"][..], None),
        ("gone", &["DEL", KEY], None),
        ("no session", &["SET", KEY, "17", "EX", "1000"], Some("17")),
    ] {
        let proxy = Proxy::to(server.port());
        let manager = told_of_others(RedisStorage::builder(&proxy.url()).goframe().build().unwrap());
        logged_out(&manager, logged_in(&manager).as_str());
        server.command(&["SET", KEY, "{\"n\":1}", "EX", "1000"]);
        proxy.hold_replies(true);
        let leaving = thread::spawn({
            let manager = manager.clone();
            move || logged_out(&manager, KEY)
        });
        proxy.wait_for_held(1);
        assert_eq!(server.command(&["EXISTS", KEY]).int(), 1, "{what}: it has not been judged yet");
        server.command(change);
        proxy.hold_replies(false);
        leaving.join().unwrap();
        let left = server.command(&["GET", KEY]);
        assert_eq!(matches!(left, Reply::Bytes(_)).then(|| left.text()).as_deref(), rest, "{what}");
    }
}

/// What stood under the old id when it was renewed is not all that may stand there later.
#[test]
fn a_logout_follows_a_renewal_past_what_is_no_session() {
    each(|server, manager| {
        let id = logged_in(&manager);
        let session = open(&manager, id.as_str());
        session.renew().unwrap();
        assert_eq!(session.save().unwrap(), Saved::Renewed);
        let new = session.id().unwrap();
        server.command(&["SET", id.as_str(), "17", "EX", "1000"]);
        logged_out(&manager, id.as_str());
        assert_eq!(server.command(&["EXISTS", new.as_str()]).int(), 0);
        assert_eq!(server.command(&["GET", id.as_str()]).text(), "17");
    });
}

/// A read that is to extend a session which GoFrame changes meanwhile answers what it has read, and extends nothing.
#[test]
fn a_change_between_reading_and_extending_is_left_as_it_is() {
    let server = RedisServer::start();
    for (change, seconds) in [(&["SET", KEY, "{\"n\":2}", "EX", "500"][..], 500), (&["DEL", KEY], -2)] {
        let proxy = Proxy::to(server.port());
        let manager = told_of_others(RedisStorage::builder(&proxy.url()).goframe().build().unwrap());
        logged_out(&manager, logged_in(&manager).as_str());
        server.command(&["SET", KEY, "{\"n\":1}", "EX", "1000"]);
        assert_eq!(open(&manager, KEY).get("n").unwrap(), Some(1));
        assert_eq!(server.command(&["TTL", KEY]).int(), 86_400, "the scripts are known");
        server.command(&["EXPIRE", KEY, "1000"]);
        proxy.hold_replies(true);
        let reading = thread::spawn({
            let manager = manager.clone();
            move || open(&manager, KEY).get::<u32>("n").unwrap()
        });
        proxy.wait_for_held(1);
        server.command(change);
        proxy.hold_replies(false);
        assert_eq!(reading.join().unwrap(), Some(1));
        let left = server.command(&["TTL", KEY]).int();
        assert!((seconds - 5..=seconds).contains(&left), "{left}");
    }
}
