//! What becomes of a request whose client leaves before it is answered (S9): the table in the documentation of the crate,
//! way by way. Each test lets the handler begin, then the client leave, then waits until the server has noticed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use futures::FutureExt as _;
use gsession::SessionId;
use socket2::SockRef;
use support::{
    NAME,
    http2::Http2,
    place::{Kind, Place},
    probe::Op,
    server::{Protocol, Raw, Server},
    wait_until,
};
use tokio::sync::Notify;

/// One that never waits, and one that does.
const KINDS: [Kind; 2] = [Kind::Memory, Kind::File];

/// A server, and a session of a user who is logged in.
struct Scene {
    place: Place,
    server: Server,
    id: SessionId,
}

impl Scene {
    fn new(protocol: Protocol, kind: Kind) -> Self {
        let place = Place::new(kind);
        let server = Server::speaking(protocol, place.sessions());
        let login = server.ask("/do/set:user=ada", &[]);
        let id = SessionId::parse(login.cookies()[0].split(['=', ';']).nth(1).unwrap()).unwrap();
        place.asked();
        Self { place, server, id }
    }

    fn cookie(&self) -> String {
        format!("{NAME}={}", self.id.as_str())
    }

    /// The bytes of a request over HTTP/1, and of as much of its body as there are.
    fn request(&self, steps: &str, more: &[&str]) -> Vec<u8> {
        let cookie = format!("Cookie: {}", self.cookie());
        let headers: Vec<&[u8]> = [cookie.as_str()].iter().chain(more).map(|line| line.as_bytes()).collect();
        Server::request(&format!("/do/{steps}"), &headers)
    }

    /// Asks over HTTP/1, and waits until the handler has begun to wait and the server has nothing more to read.
    fn ask(&self, steps: &str) -> TcpStream {
        let stream = self.server.connect(&self.request(steps, &[]));
        self.begun();
        stream
    }

    /// Asks over HTTP/2, with no body, and waits until the handler has begun to wait.
    fn ask_http2(&self, steps: &str) -> Http2 {
        let client = Http2::ask(&self.server, &format!("/do/{steps}"), &[("cookie", &self.cookie())], true);
        self.begun();
        client
    }

    /// As [`ask_http2`](Self::ask_http2), with a body that has not come to its end.
    fn ask_http2_with_body(&self, steps: &str) -> Http2 {
        let client = Http2::ask(&self.server, &format!("/do/{steps}"), &[("cookie", &self.cookie())], false);
        self.begun();
        client
    }

    fn begun(&self) {
        happens("the handler begins", &self.server.meeting.arrived);
        // There is but one worker: when it answers this, it has come to rest on the other connection.
        self.hold();
    }

    fn hold(&self) {
        assert_eq!(self.server.ask("/do/hold", &[]).status(), 200);
    }

    /// Does what makes the server read once more from the connection of a handler that waits, and waits until it has.
    fn noticed(&self, leave: impl FnOnce()) {
        let before = self.server.meeting.polls();
        leave();
        wait_until("the server reads", || self.server.meeting.polls() > before);
        self.hold();
    }

    fn go(&self) {
        self.server.meeting.go.notify_one();
    }

    fn is_dropped(&self) {
        happens("the request is dropped", &self.server.meeting.dropped);
        self.hold();
    }

    fn is_not_dropped(&self) {
        assert!(self.server.meeting.dropped.notified().now_or_never().is_none());
    }

    /// All is as it was before.
    fn is_unchanged(&self) {
        assert_eq!(self.place.data(&self.id).unwrap(), ["user=\"ada\""]);
        assert_eq!(self.place.living(), 1);
    }

    /// Waits until it has become true of the storage what a request was to do.
    fn is_done(&self, what: Deed) {
        let Self { place, id, .. } = self;
        wait_until("it is stored", || match what {
            Deed::Write => place.data(id).unwrap().contains(&"n=\"1\"".to_owned()),
            Deed::Renewal | Deed::Destroy => place.record(id).is_none(),
        });
        self.hold();
        // After a renewal that is the one whose id the client has never been told.
        assert_eq!(place.living(), u64::from(what != Deed::Destroy));
    }
}

/// What a handler does to its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Write,
    Renewal,
    Destroy,
}

impl Deed {
    const ALL: [Self; 3] = [Self::Write, Self::Renewal, Self::Destroy];

    fn steps(self) -> &'static str {
        match self {
            Self::Write => "get,set:n=1",
            Self::Renewal => "get,renew",
            Self::Destroy => "get,destroy",
        }
    }

    /// The operation that stores it.
    fn op(self) -> Op {
        match self {
            Self::Write => Op::Commit,
            Self::Renewal => Op::Move,
            Self::Destroy => Op::Remove,
        }
    }
}

fn happens(what: &str, event: &Notify) {
    wait_until(what, || event.notified().now_or_never().is_some());
}

/// Sends nothing more, but would read an answer.
fn half_close(stream: &TcpStream) {
    stream.shutdown(Shutdown::Write).unwrap();
}

/// Closes with a reset, as the system does for a client that has died, or that left something unread.
fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

/// All that the server says until it closes the connection.
fn rest(mut stream: &TcpStream) -> Raw {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    Raw(answer)
}

/// Every deed, done before the wait and after it, on storages that wait and that do not.
fn each(protocol: Protocol, test: impl Fn(&Scene, Deed, &str)) {
    for kind in KINDS {
        for deed in Deed::ALL {
            for steps in [format!("{},pause", deed.steps()), format!("pause,{}", deed.steps())] {
                test(&Scene::new(protocol, kind), deed, &steps);
            }
        }
    }
}

/// As [`each`], where the handler never gets beyond its wait.
fn each_that_is_cut_off(protocol: Protocol, leave: impl Fn(&Scene, TcpStream)) {
    for kind in KINDS {
        for deed in Deed::ALL {
            let scene = Scene::new(protocol, kind);
            let stream = scene.ask(&format!("{},pause", deed.steps()));
            leave(&scene, stream);
            scene.is_dropped();
            match deed {
                Deed::Write | Deed::Renewal => scene.is_unchanged(),
                Deed::Destroy => scene.is_done(deed),
            }
        }
    }
}

#[test]
fn http1_a_reset_drops_the_handler() {
    each_that_is_cut_off(Protocol::Http1, |_, stream| reset(stream));
}

#[test]
fn http1_an_end_drops_the_handler_if_half_closed_connections_are_not_allowed() {
    each_that_is_cut_off(Protocol::Http1NotHalfClosed, |_, stream| drop(stream));
    each_that_is_cut_off(Protocol::Http1NotHalfClosed, |scene, stream| {
        half_close(&stream);
        assert!(rest(&stream).is_empty());
        scene.hold();
    });
}

#[test]
fn http1_who_half_closes_is_answered() {
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
fn http1_a_closed_connection_is_taken_for_a_half_closed_one() {
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
fn http1_a_reset_after_an_end_is_not_noticed() {
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

/// Keeps the only worker busy while something is done, so that it notices all of it at once.
fn unnoticed(scene: &Scene, doing: impl FnOnce()) {
    let Scene { place, server, .. } = scene;
    place.asked();
    place.probe.hold(Some(Op::Fetch));
    let busy = server.connect(&scene.request("get", &["Connection: close"]));
    wait_until("the worker is busy", || place.probe.count(Op::Fetch) == 1);
    doing();
    // What was done has passed through the system when a connection made after it stands.
    drop(TcpStream::connect(server.addr).unwrap());
    place.probe.hold(None);
    assert_eq!(rest(&busy).status(), 200);
}

#[test]
fn http1_a_reset_that_is_read_together_with_bytes_is_taken_for_an_end() {
    for deed in Deed::ALL {
        // In memory, because a storage that never waits keeps the worker itself busy.
        let scene = Scene::new(Protocol::Http1, Kind::Memory);
        let mut stream = scene.ask(&format!("{},pause", deed.steps()));
        scene.noticed(|| {
            unnoticed(&scene, || {
                stream.write_all(b"G").unwrap();
                reset(stream);
            });
        });
        scene.is_not_dropped();
        scene.go();
        scene.is_done(deed);
    }
}

#[test]
fn http1_a_request_that_is_reset_at_once_is_done_all_the_same() {
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
fn http1_a_reset_behind_a_body_that_the_handler_leaves_unread_is_not_noticed() {
    for deed in Deed::ALL {
        let scene = Scene::new(Protocol::Http1, Kind::File);
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
fn http1_a_handler_that_reads_its_body_is_told_that_it_is_cut_off() {
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
fn http1_a_reset_drops_the_handler_that_reads_its_body() {
    for deed in Deed::ALL {
        let scene = Scene::new(Protocol::Http1, Kind::File);
        let steps = format!("{},body", deed.steps());
        let stream = scene.server.connect(&scene.request(&steps, &["Content-Length: 9"]));
        scene.begun();
        reset(stream);
        scene.is_dropped();
        match deed {
            Deed::Write | Deed::Renewal => scene.is_unchanged(),
            Deed::Destroy => scene.is_done(deed),
        }
    }
}

#[test]
fn http1_requests_that_wait_behind_another_are_done_after_an_end_but_not_after_a_reset() {
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
fn http1_what_is_being_stored_when_the_handler_is_dropped_is_stored() {
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
fn http1_a_client_that_closes_while_its_request_is_being_stored_changes_nothing() {
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

#[test]
fn http2_a_request_that_is_cancelled_is_done_all_the_same() {
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
fn http2_a_request_that_is_cancelled_at_once_is_done_all_the_same() {
    for deed in Deed::ALL {
        let scene = Scene::new(Protocol::Http2, Kind::Memory);
        let path = format!("/do/pause,{}", deed.steps());
        unnoticed(&scene, || {
            let mut client = Http2::ask(&scene.server, &path, &[("cookie", &scene.cookie())], true);
            client.cancel();
            reset(client.stream);
        });
        scene.begun();
        scene.go();
        scene.is_done(deed);
        scene.is_not_dropped();
    }
}

/// Unlike over HTTP/1 its answer is lost.
#[test]
fn http2_a_request_whose_connection_is_closed_is_done_all_the_same() {
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
fn http2_a_handler_that_reads_its_body_is_told_that_it_is_cut_off_and_runs_on() {
    let close = |mut client: Http2| {
        // What is left unread makes a reset of it.
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
fn http2_a_client_that_leaves_while_its_request_is_being_stored_changes_nothing() {
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
fn http2_a_handler_can_ask_whether_its_client_has_left() {
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
