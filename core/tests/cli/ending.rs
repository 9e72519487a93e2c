//! `end`, `end-all` and `end-tagged`, as a service sees them that is running.

use gsession::{Login, StoreKey};

use crate::shop::{Shop, key_of};

#[test]
fn a_session_that_was_ended_is_gone_for_the_service_at_once() {
    for shop in Shop::each() {
        let (id, other) = (shop.log_in(Login::new("ada")), shop.log_in(Login::new("ada")));
        assert!(shop.is_alive(&id));
        assert_eq!(shop.run(&["end", &key_of(&id)]).done(), "1 session ended\n");
        assert!(!shop.is_alive(&id) && shop.is_alive(&other), "{}", shop.name);
        let again = shop.run(&["end", &key_of(&id)]).failed(1);
        assert!(again.contains("there is no session under this key"), "{again}");
        let run = shop.run(&["end", &key_of(&id), "--json"]);
        assert_eq!((run.status, &*run.out), (1, "{\"ended\":0}\n"));
        assert_eq!(shop.run(&["end", &key_of(&other), "--json"]).done(), "{\"ended\":1}\n");
    }
}

#[test]
fn a_session_is_ended_although_it_was_renewed_since_it_was_listed() {
    for shop in Shop::each() {
        let listed = shop.log_in(Login::new("ada"));
        let renewed = shop.renew(&shop.renew(&listed));
        assert_eq!(shop.run(&["end", &key_of(&listed)]).done(), "1 session ended\n");
        assert!(!shop.is_alive(&renewed), "{}", shop.name);
    }
}

#[test]
fn all_sessions_of_a_principal_are_ended_and_no_others() {
    for shop in Shop::each() {
        let ada: Vec<_> = (0..3).map(|_| shop.log_in(Login::new("ada"))).collect();
        let others = [shop.log_in(Login::new("bob")), shop.visit()];
        // Nobody can be asked.
        let refused = shop.run(&["end-all", "ada"]).failed(2);
        assert!(refused.contains("add --yes"), "{refused}");
        assert!(ada.iter().all(|id| shop.is_alive(id)));
        assert_eq!(shop.run(&["end-all", "ada", "--yes"]).done(), "3 sessions ended\n");
        assert!(!ada.iter().any(|id| shop.is_alive(id)), "{}", shop.name);
        assert!(others.iter().all(|id| shop.is_alive(id)), "{}", shop.name);
        assert!(shop.run(&["end-all", "ada", "--yes"]).failed(1).contains("this principal has no session"));
        assert_eq!(shop.run(&["end-all", "bob", "-y", "--json"]).done(), "{\"ended\":1}\n");
    }
}

#[test]
fn the_sessions_with_a_tag_are_ended_and_no_others() {
    for shop in Shop::each() {
        let tagged = [shop.log_in(Login::new("ada").tag("sid-1")), shop.log_in(Login::new("bob").tag("sid-1"))];
        let others = [shop.log_in(Login::new("ada").tag("sid-2")), shop.log_in(Login::new("ada"))];
        assert!(shop.run(&["end-tagged", "sid-1"]).failed(2).contains("add --yes"));
        assert_eq!(shop.run(&["end-tagged", "sid-1", "--yes"]).done(), "2 sessions ended\n");
        assert!(!tagged.iter().any(|id| shop.is_alive(id)), "{}", shop.name);
        assert!(others.iter().all(|id| shop.is_alive(id)), "{}", shop.name);
        assert!(shop.run(&["end-tagged", "sid-1", "--yes"]).failed(1).contains("no session has this tag"));
    }
}

/// Before the program has ended one, it has asked for no more than it needs: other sessions stay as they are.
#[test]
fn looking_is_no_activity() {
    for shop in Shop::each() {
        let id = shop.log_in(Login::new("ada"));
        let seen = |id| {
            let sessions = shop.manager.sessions_of("ada").unwrap();
            sessions.into_iter().find(|(key, _)| *key == StoreKey::of(id)).unwrap().1.last_seen
        };
        let before = seen(&id);
        for arguments in [&["list", "ada"][..], &["show", &key_of(&id)], &["count"], &["sweep"], &["check"]] {
            shop.run(arguments).done();
        }
        assert_eq!(seen(&id), before, "{}", shop.name);
    }
}
