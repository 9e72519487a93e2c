//! HTTP/1.1: a reset drops the handler if the server notices it; an end of the stream only where the server is told to.

use std::{
    io::{ErrorKind, Write as _},
    net::TcpStream,
};

use super::scene::{Deed, KINDS, Scene, each, half_close, reset, rest, unnoticed};
use crate::support::{place::Kind, server::Protocol, wait_until};

/// As [`each`], where the handler never gets beyond its wait.
fn each_that_is_cut_off(protocol: Protocol, leave: impl Fn(&Scene, TcpStream)) {
    for kind in KINDS {
        for deed in Deed::ALL {
            let scene = Scene::new(protocol, kind);
            let stream = scene.ask(&format!("{},pause", deed.steps()));
            leave(&scene, stream);
            scene.is_cut_off(deed);
        }
    }
}

#[test]
fn a_reset_drops_the_handler() {
    each_that_is_cut_off(Protocol::Http1, |_, stream| reset(stream));
}

#[test]
fn an_end_drops_the_handler_if_half_closed_connections_are_not_allowed() {
    each_that_is_cut_off(Protocol::Http1NotHalfClosed, |_, stream| drop(stream));
    each_that_is_cut_off(Protocol::Http1NotHalfClosed, |scene, stream| {
        half_close(&stream);
        assert!(rest(&stream).is_empty());
        scene.hold();
    });
}

#[test]
fn who_half_closes_is_answered() {
    each(Protocol::Http1, |scene, deed, steps| {
        let stream = scene.ask(steps);
        scene.noticed(|| half_close(&stream));
        scene.go();
        let answer = rest(&stream);
        assert_eq!((answer.status(), answer.cookies().len()), (200, usize::from(deed != Deed::Write)));
        scene.is_done(deed);
        scene.is_not_dropped();
    });
}

#[test]
fn a_closed_connection_is_taken_for_a_half_closed_one() {
    each(Protocol::Http1, |scene, deed, steps| {
        let stream = scene.ask(steps);
        scene.noticed(|| drop(stream));
        scene.go();
        scene.is_done(deed);
        scene.is_not_dropped();
    });
}

/// The server reads no more after the end.
#[test]
fn a_reset_after_an_end_is_not_noticed() {
    each(Protocol::Http1, |scene, deed, steps| {
        let stream = scene.ask(steps);
        scene.noticed(|| half_close(&stream));
        reset(stream);
        scene.hold();
        scene.go();
        scene.is_done(deed);
        scene.is_not_dropped();
    });
}

#[test]
fn a_reset_that_is_read_together_with_bytes_is_taken_for_an_end() {
    // In memory, because a storage that never waits keeps the worker itself busy.
    let (kind, steps) = (Kind::Memory, |deed: Deed| format!("{},pause", deed.steps()));
    let leave = |scene: &Scene, mut stream: TcpStream| {
        unnoticed(scene, || {
            stream.write_all(b"G").unwrap();
            reset(stream);
        });
    };
    for deed in Deed::ALL {
        let scene = Scene::new(Protocol::Http1, kind);
        let stream = scene.ask(&steps(deed));
        scene.noticed(|| leave(&scene, stream));
        scene.is_not_dropped();
        scene.go();
        scene.is_done(deed);

        let scene = Scene::new(Protocol::Http1NotHalfClosed, kind);
        let stream = scene.ask(&steps(deed));
        leave(&scene, stream);
        scene.is_cut_off(deed);
    }
}

#[test]
fn a_request_that_is_reset_at_once_is_done_all_the_same() {
    for deed in Deed::ALL {
        let scene = Scene::new(Protocol::Http1, Kind::Memory);
        let mut stream = scene.server.connect(&scene.request("hold", &[]));
        stream.peek(&mut [0]).unwrap();
        let request = scene.request(&format!("pause,{}", deed.steps()), &[]);
        unnoticed(&scene, || {
            stream.write_all(&request).unwrap();
            reset(stream);
        });
        scene.begun();
        scene.go();
        scene.is_done(deed);
        scene.is_not_dropped();
    }
}

/// The server reads ahead of the handler, but not without end.
#[test]
fn a_client_that_leaves_behind_a_body_that_the_handler_does_not_read_is_not_noticed() {
    for protocol in [Protocol::Http1, Protocol::Http1NotHalfClosed] {
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
        let scene = Scene::new(Protocol::Http1, Kind::File);
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
fn a_reset_drops_the_handler_that_reads_its_body() {
    for deed in Deed::ALL {
        let scene = Scene::new(Protocol::Http1, Kind::File);
        let steps = format!("{},body", deed.steps());
        let stream = scene.server.connect(&scene.request(&steps, &["Content-Length: 9"]));
        scene.begun();
        reset(stream);
        scene.is_cut_off(deed);
    }
}

#[test]
fn requests_that_wait_behind_another_are_done_after_an_end_but_not_after_a_reset() {
    for kind in KINDS {
        let scene = Scene::new(Protocol::Http1, kind);
        let both = [scene.request("pause,set:m=1", &[]), scene.request("set:n=1", &[])].concat();
        let stream = scene.server.connect(&both);
        scene.begun();
        scene.noticed(|| drop(stream));
        scene.go();
        scene.is_done(Deed::Write);
        assert_eq!(scene.place.data(&scene.id).unwrap(), ["m=\"1\"", "n=\"1\"", "user=\"ada\""]);
        scene.is_not_dropped();

        for protocol in [Protocol::Http1, Protocol::Http1NotHalfClosed] {
            let scene = Scene::new(protocol, kind);
            let both = [scene.request("set:m=1,pause", &[]), scene.request("set:n=1", &[])].concat();
            let stream = scene.server.connect(&both);
            scene.begun();
            if protocol == Protocol::Http1 {
                reset(stream)
            } else {
                drop(stream)
            }
            scene.is_dropped();
            scene.is_unchanged();
        }
    }
}

/// What the storage has begun to do it does.
#[test]
fn what_is_being_stored_when_the_handler_is_dropped_is_stored() {
    for (protocol, leave) in
        [(Protocol::Http1, reset as fn(TcpStream)), (Protocol::Http1NotHalfClosed, drop as fn(TcpStream))]
    {
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

#[test]
fn a_client_that_closes_while_its_request_is_being_stored_changes_nothing() {
    for deed in Deed::ALL {
        let scene = Scene::new(Protocol::Http1, Kind::File);
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
