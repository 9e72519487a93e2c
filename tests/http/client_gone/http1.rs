//! HTTP/1.1: with half-closed connections and without.

use std::{
    io::{ErrorKind, Write as _},
    net::TcpStream,
};

use super::scene::{Deed, KINDS, Scene, each, half_close, reset, rest, unnoticed};
use crate::{
    framework::{self, fate},
    support::{
        place::Kind,
        server::{Fate, Leaving, Protocol},
        wait_until,
    },
};

const PROTOCOLS: [Protocol; 2] = [Protocol::Http1HalfClosed, Protocol::Http1NotHalfClosed];

#[test]
fn a_reset_has_its_fate() {
    for protocol in PROTOCOLS {
        each(protocol, Leaving::Resets, |scene, steps| {
            reset(scene.ask(steps));
            scene.hold();
        });
    }
}

#[test]
fn an_end_drops_the_handler_if_half_closed_connections_are_not_allowed() {
    let protocol = Protocol::Http1NotHalfClosed;
    assert_eq!(fate(protocol, Leaving::Ends), Fate::Dropped);
    each(protocol, Leaving::Ends, |scene, steps| drop(scene.ask(steps)));
    each(protocol, Leaving::Ends, |scene, steps| {
        let stream = scene.ask(steps);
        half_close(&stream);
        assert!(rest(&stream).is_empty());
        scene.hold();
    });
}

#[test]
fn who_half_closes_is_answered() {
    for kind in KINDS {
        for deed in Deed::ALL {
            for steps in [format!("{},pause", deed.steps()), format!("pause,{}", deed.steps())] {
                let scene = Scene::new(Protocol::Http1HalfClosed, kind);
                let stream = scene.ask(&steps);
                scene.noticed(|| half_close(&stream));
                scene.go();
                let answer = rest(&stream);
                assert_eq!((answer.status(), answer.cookies().len()), (200, usize::from(deed != Deed::Write)));
                scene.is_done(deed);
                scene.is_not_dropped();
            }
        }
    }
}

#[test]
fn a_closed_connection_is_taken_for_a_half_closed_one() {
    assert_eq!(fate(Protocol::Http1HalfClosed, Leaving::Ends), Fate::RunsOn);
    each(Protocol::Http1HalfClosed, Leaving::Ends, |scene, steps| {
        let stream = scene.ask(steps);
        scene.noticed(|| drop(stream));
    });
}

/// The server reads no more after the end.
#[test]
fn a_reset_after_an_end_is_not_noticed() {
    each(Protocol::Http1HalfClosed, Leaving::Ends, |scene, steps| {
        let stream = scene.ask(steps);
        scene.noticed(|| half_close(&stream));
        reset(stream);
        scene.hold();
    });
}

#[test]
fn a_reset_that_is_read_together_with_bytes_has_its_fate() {
    // In memory, because a storage that never waits keeps the worker itself busy.
    for protocol in PROTOCOLS {
        for deed in Deed::ALL {
            let (scene, steps) = (Scene::new(protocol, Kind::Memory), format!("{},pause", deed.steps()));
            let mut stream = scene.ask(&steps);
            let leave = || {
                unnoticed(&scene, || {
                    stream.write_all(b"G").unwrap();
                    reset(stream);
                });
            };
            let fate = fate(protocol, Leaving::ResetsWithBytes);
            if fate == Fate::RunsOn {
                scene.noticed(leave)
            } else {
                leave()
            }
            scene.ends(fate, deed, &steps);
        }
    }
}

#[test]
fn a_request_that_is_reset_at_once_has_its_fate() {
    for protocol in PROTOCOLS {
        for deed in Deed::ALL {
            let (scene, steps) = (Scene::new(protocol, Kind::Memory), format!("pause,{}", deed.steps()));
            let mut stream = scene.server.connect(&scene.request("hold", &[]));
            stream.peek(&mut [0]).unwrap();
            let request = scene.request(&steps, &[]);
            unnoticed(&scene, || {
                stream.write_all(&request).unwrap();
                reset(stream);
            });
            let fate = fate(protocol, Leaving::ResetsAtOnce);
            if fate != Fate::NotBegun {
                scene.begun();
            }
            scene.ends(fate, deed, &steps);
        }
    }
}

/// The server reads ahead of the handler, but not without end.
#[test]
fn a_client_that_leaves_behind_a_body_that_the_handler_does_not_read_is_not_noticed() {
    for protocol in [Protocol::Http1HalfClosed, Protocol::Http1NotHalfClosed] {
        for deed in Deed::ALL {
            let scene = Scene::new(protocol, Kind::File);
            let steps = format!("{},pause", deed.steps());
            let mut stream = scene.server.connect(&scene.request(&steps, &["Content-Length: 1000000000"]));
            scene.begun();
            stream.set_nonblocking(true).unwrap();
            while fill(&mut stream) {
                // Whatever the server will read by itself it has read when it answers this.
                scene.hold();
            }
            reset(stream);
            scene.hold();
            scene.go();
            scene.is_done(deed);
            scene.is_not_dropped();
        }
    }
}

/// Sends until nothing more is taken; whether anything was.
fn fill(stream: &mut TcpStream) -> bool {
    let mut any = false;
    loop {
        match stream.write(&[0; 65_536]) {
            Ok(_) => any = true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return any,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_handler_that_reads_its_body_is_told_that_it_is_cut_off() {
    for deed in Deed::ALL {
        let scene = Scene::new(Protocol::Http1HalfClosed, Kind::File);
        let steps = format!("body,{}", deed.steps());
        let stream = scene.server.connect(&scene.request(&steps, &["Content-Length: 9"]));
        scene.begun();
        half_close(&stream);
        assert!(rest(&stream).body().starts_with("broken"));
        scene.is_done(deed);
        scene.is_not_dropped();
    }
}

#[test]
fn a_reset_while_the_handler_reads_its_body_has_its_fate() {
    for protocol in PROTOCOLS {
        for deed in Deed::ALL {
            let scene = Scene::new(protocol, Kind::File);
            let (steps, fate) = (format!("{},body", deed.steps()), fate(protocol, Leaving::ResetsInBody));
            let stream = scene.server.connect(&scene.request(&steps, &["Content-Length: 9"]));
            scene.begun();
            if fate == Fate::RunsOn {
                scene.place.probe.hold(Some(deed.op()));
            }
            reset(stream);
            if fate == Fate::RunsOn {
                wait_until("it is being stored", || scene.place.probe.count(deed.op()) == 1);
                scene.hold();
                scene.is_not_dropped();
                scene.place.probe.hold(None);
            }
            scene.ends(fate, deed, &steps);
        }
    }
}

#[test]
fn requests_that_wait_behind_another_have_their_fate() {
    for kind in KINDS {
        for protocol in PROTOCOLS {
            for leaving in [Leaving::Ends, Leaving::Resets] {
                let scene = Scene::new(protocol, kind);
                let both = [scene.request("set:m=1,pause", &[]), scene.request("set:n=1", &[])].concat();
                let stream = scene.server.connect(&both);
                scene.begun();
                let (first, second) = framework::fates_of_two(protocol, leaving);
                let leave = || if leaving == Leaving::Ends { drop(stream) } else { reset(stream) };
                if first == Fate::RunsOn {
                    scene.noticed(leave)
                } else {
                    leave()
                }
                match (first, second) {
                    (Fate::RunsOn, Fate::RunsOn) => {
                        scene.go();
                        scene.is_done(Deed::Write);
                        assert_eq!(scene.place.data(&scene.id).unwrap(), ["m=\"1\"", "n=\"1\"", "user=\"ada\""]);
                        scene.is_not_dropped();
                    }
                    (Fate::RunsOn, _) => {
                        scene.go();
                        wait_until("it is stored", || scene.place.data(&scene.id).unwrap().len() == 2);
                        scene.hold();
                        assert_eq!(scene.place.data(&scene.id).unwrap(), ["m=\"1\"", "user=\"ada\""]);
                        scene.is_not_dropped();
                    }
                    _ => {
                        scene.is_dropped();
                        scene.is_unchanged();
                    }
                }
            }
        }
    }
}

/// What the storage has begun to do it does.
#[test]
fn what_is_being_stored_when_the_handler_is_dropped_is_stored() {
    let leavings: [(Leaving, fn(TcpStream)); 2] = [(Leaving::Resets, reset), (Leaving::Ends, drop)];
    let mut dropped = 0;
    for protocol in PROTOCOLS {
        for (_, leave) in leavings.into_iter().filter(|(leaving, _)| fate(protocol, *leaving) == Fate::Dropped) {
            dropped += 1;
            for deed in [Deed::Write, Deed::Renewal] {
                // Files, because only their operations leave the worker.
                let scene = Scene::new(protocol, Kind::File);
                scene.place.probe.hold(Some(deed.op()));
                let stream = scene.server.connect(&scene.request(deed.steps(), &[]));
                wait_until("it is being stored", || scene.place.probe.count(deed.op()) == 1);
                leave(stream);
                scene.is_dropped();
                scene.place.probe.hold(None);
                scene.is_done(deed);
            }
        }
    }
    assert!(dropped > 0);
}

#[test]
fn a_client_that_closes_while_its_request_is_being_stored_changes_nothing() {
    for deed in Deed::ALL {
        let scene = Scene::new(Protocol::Http1HalfClosed, Kind::File);
        scene.place.probe.hold(Some(deed.op()));
        let stream = scene.server.connect(&scene.request(deed.steps(), &[]));
        wait_until("it is being stored", || scene.place.probe.count(deed.op()) == 1);
        drop(stream);
        scene.hold();
        scene.place.probe.hold(None);
        scene.is_done(deed);
        scene.is_not_dropped();
    }
}
