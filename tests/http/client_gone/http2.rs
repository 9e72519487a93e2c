//! HTTP/2: handlers run in tasks of their own, and nothing that a client does ends them.

use super::scene::{Deed, Scene, each, half_close, happens, reset, unnoticed};
use crate::support::{http2::Http2, place::Kind, server::Protocol, wait_until};

#[test]
fn a_request_that_is_cancelled_is_done_all_the_same() {
    each(Protocol::Http2, |scene, deed, steps| {
        let mut client = scene.ask_http2(steps);
        client.cancel();
        client.in_step();
        scene.go();
        scene.is_done(deed);
        scene.is_not_dropped();
    });
}

#[test]
fn a_request_that_is_cancelled_at_once_is_done_all_the_same() {
    for deed in Deed::ALL {
        let scene = Scene::new(Protocol::Http2, Kind::Memory);
        let path = format!("/do/pause,{}", deed.steps());
        let mut client = None;
        unnoticed(&scene, || {
            let asking = client.insert(Http2::ask(&scene.server, &path, &[("cookie", &scene.cookie())], true));
            asking.cancel();
        });
        scene.begun();
        scene.go();
        scene.is_done(deed);
        scene.is_not_dropped();
    }
}

/// Unlike over HTTP/1 its answer is lost.
#[test]
fn a_request_whose_connection_is_closed_is_done_all_the_same() {
    let leavings: [fn(&mut Http2); 2] = [|client| half_close(&client.stream), Http2::go_away];
    for leave in leavings {
        each(Protocol::Http2, |scene, deed, steps| {
            let mut client = scene.ask_http2(steps);
            leave(&mut client);
            client.closed();
            scene.go();
            scene.is_done(deed);
            scene.is_not_dropped();
        });
    }
}

#[test]
fn a_handler_that_reads_its_body_is_told_that_it_is_cut_off_and_runs_on() {
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
            let client = scene.ask_http2_with_body(&format!("body,{}", deed.steps()));
            leave(client);
            scene.is_done(deed);
            scene.is_not_dropped();
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
        scene.place.probe.hold(None);
        scene.is_done(deed);
        scene.is_not_dropped();
    }
}

/// What the documentation advises a handler to do that must not store for a client that has left.
#[test]
fn a_handler_can_ask_whether_its_client_has_left() {
    let leavings: [fn(&mut Http2); 3] = [
        |client| {
            client.cancel();
            client.in_step();
        },
        |client| {
            half_close(&client.stream);
            client.closed();
        },
        |client| {
            client.go_away();
            client.closed();
        },
    ];
    for deed in [Deed::Write, Deed::Renewal] {
        let steps = format!("pause,unless-left,{}", deed.steps());
        for ask in [Scene::ask_http2, Scene::ask_http2_with_body] {
            let scene = Scene::new(Protocol::Http2, Kind::File);
            for leave in leavings {
                let mut client = ask(&scene, &steps);
                leave(&mut client);
                scene.go();
                happens("the handler gives up", &scene.server.meeting.gave_up);
                scene.is_unchanged();
            }
            let mut client = ask(&scene, &steps);
            scene.go();
            client.answered();
            scene.is_done(deed);
        }
    }
}
