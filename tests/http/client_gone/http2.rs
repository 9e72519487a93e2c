//! HTTP/2: requests are cancelled, and connections close.

use super::scene::{Deed, Scene, each, half_close, happens, reset, unnoticed};
use crate::{
    framework::{self, fate},
    support::{
        http2::Http2,
        place::Kind,
        probe::Op,
        server::{Fate, Leaving, Protocol},
        wait_until,
    },
};

#[test]
fn a_request_that_is_cancelled_has_its_fate() {
    each(Protocol::Http2, Leaving::Cancels, |scene, steps| {
        let mut client = scene.ask_http2(steps);
        client.cancel();
        client.in_step();
        client
    });
}

#[test]
fn a_request_that_is_cancelled_at_once_has_its_fate() {
    for deed in Deed::ALL {
        let (scene, steps) = (Scene::new(Protocol::Http2, Kind::Memory), format!("pause,{}", deed.steps()));
        let mut client = None;
        unnoticed(&scene, || {
            let path = format!("/do/{steps}");
            let asking = client.insert(Http2::ask(&scene.server, &path, &[("cookie", &scene.cookie())], true));
            asking.cancel();
        });
        scene.begun();
        scene.ends(fate(Protocol::Http2, Leaving::Cancels), deed, &steps);
    }
}

/// Unlike over HTTP/1 its answer is lost.
#[test]
fn a_request_whose_connection_is_closed_has_its_fate() {
    each(Protocol::Http2, Leaving::Closes, |scene, steps| {
        let mut client = scene.ask_http2(steps);
        half_close(&client.stream);
        client.closed();
        client
    });
}

type Leave = fn(&Scene, &mut Http2);

/// Says goodbye, and waits until the server has heard it.
fn goodbye(scene: &Scene, client: &mut Http2) {
    client.go_away();
    if framework::has_left(Leaving::GoesAway) { client.closed() } else { scene.hold() }
}

#[test]
fn a_request_of_a_client_that_says_goodbye_has_its_fate() {
    each(Protocol::Http2, Leaving::GoesAway, |scene, steps| {
        let mut client = scene.ask_http2(steps);
        goodbye(scene, &mut client);
        client
    });
}

#[test]
fn a_handler_that_reads_its_body_has_its_fate() {
    let close = |mut client: Http2| {
        // With nothing left unread it is an end and no reset.
        client.in_step();
        drop(client);
    };
    let leavings: [fn(Http2); 3] = [
        close,
        |client| reset(client.stream),
        |mut client| {
            client.cancel();
            client.in_step();
        },
    ];
    for leave in leavings {
        for deed in Deed::ALL {
            let scene = Scene::new(Protocol::Http2, Kind::File);
            // Told by the body, the handler goes on to the storage, and waits there.
            scene.place.probe.hold(Some(Op::Fetch));
            let client = scene.ask_http2_with_body(&format!("body,{}", deed.steps()));
            leave(client);
            wait_until("the handler goes on", || scene.place.probe.count(Op::Fetch) == 1);
            let fate = fate(Protocol::Http2, Leaving::LeavesBody);
            if fate == Fate::Dropped {
                scene.is_dropped();
            }
            scene.place.probe.hold(None);
            match fate {
                Fate::RunsOn => scene.ends(fate, deed, ""),
                _ => scene.is_unchanged(),
            }
        }
    }
}

#[test]
fn a_client_that_leaves_while_its_request_is_being_stored_changes_nothing() {
    for deed in Deed::ALL {
        let scene = Scene::new(Protocol::Http2, Kind::File);
        scene.place.probe.hold(Some(deed.op()));
        let path = format!("/do/{}", deed.steps());
        let mut client = Http2::ask(&scene.server, &path, &[("cookie", &scene.cookie())], true);
        wait_until("it is being stored", || scene.place.probe.count(deed.op()) == 1);
        client.cancel();
        client.in_step();
        reset(client.stream);
        scene.hold();
        match fate(Protocol::Http2, Leaving::Cancels) {
            Fate::RunsOn => scene.is_not_dropped(),
            _ => scene.is_dropped(),
        }
        scene.place.probe.hold(None);
        scene.is_done(deed);
    }
}

/// What the documentation advises a handler to do that must not store for a client that has left, where it is not dropped.
#[test]
fn a_handler_can_ask_whether_its_client_has_left() {
    let leavings: [(Leaving, Leave); 3] = [
        (Leaving::Cancels, |_, client| {
            client.cancel();
            client.in_step();
        }),
        (Leaving::Closes, |_, client| {
            half_close(&client.stream);
            client.closed();
        }),
        (Leaving::GoesAway, goodbye),
    ];
    for deed in [Deed::Write, Deed::Renewal] {
        let steps = format!("pause,unless-left,{}", deed.steps());
        for ask in [Scene::ask_http2, Scene::ask_http2_with_body] {
            let scene = Scene::new(Protocol::Http2, Kind::File);
            // Where the handler of a client that says goodbye runs on with its connection, the client has not left.
            for (leaving, leave) in leavings.into_iter().filter(|(leaving, _)| framework::has_left(*leaving)) {
                let mut client = ask(&scene, &steps);
                leave(&scene, &mut client);
                match fate(Protocol::Http2, leaving) {
                    Fate::RunsOn => {
                        scene.go();
                        happens("the handler gives up", &scene.server.meeting.gave_up);
                    }
                    // It need not ask.
                    _ => scene.is_dropped(),
                }
                scene.is_unchanged();
            }
            let mut client = ask(&scene, &steps);
            scene.go();
            client.answered();
            scene.is_done(deed);
        }
    }
}
