//! A user who is logged in, a server, and what is done to both.

use std::{
    io::Read as _,
    net::{Shutdown, TcpStream},
    time::Duration,
};

use futures::FutureExt as _;
use gsession::SessionId;
use socket2::SockRef;
use tokio::sync::Notify;

use crate::{
    framework,
    support::{
        NAME,
        http2::Http2,
        place::{Kind, Place},
        probe::Op,
        server::{Fate, Leaving, Protocol, Raw, Server},
        wait_until,
    },
};

/// One that never waits, and one that does.
pub(crate) const KINDS: [Kind; 2] = [Kind::Memory, Kind::File];

/// A server, and a session of a user who is logged in.
pub(crate) struct Scene {
    pub(crate) place: Place,
    pub(crate) server: Server,
    pub(crate) id: SessionId,
}

impl Scene {
    pub(crate) fn new(protocol: Protocol, kind: Kind) -> Self {
        let place = Place::new(kind);
        let server = Server::speaking(protocol, place.sessions());
        let login = server.ask("/do/set:user=ada", &[]);
        let id = SessionId::parse(login.cookies()[0].split(['=', ';']).nth(1).unwrap()).unwrap();
        place.asked();
        Self { place, server, id }
    }

    pub(crate) fn cookie(&self) -> String {
        format!("{NAME}={}", self.id.as_str())
    }

    /// The bytes of a request over HTTP/1, and of as much of its body as there are.
    pub(crate) fn request(&self, steps: &str, more: &[&str]) -> Vec<u8> {
        let cookie = format!("Cookie: {}", self.cookie());
        let headers: Vec<&[u8]> = [cookie.as_str()].iter().chain(more).map(|line| line.as_bytes()).collect();
        Server::request(&format!("/do/{steps}"), &headers)
    }

    /// Asks over HTTP/1, and waits until the handler has begun to wait and the server has nothing more to read.
    pub(crate) fn ask(&self, steps: &str) -> TcpStream {
        let stream = self.server.connect(&self.request(steps, &[]));
        self.begun();
        stream
    }

    /// Asks over HTTP/2, with no body, and waits until the handler has begun to wait.
    pub(crate) fn ask_http2(&self, steps: &str) -> Http2 {
        let client = Http2::ask(&self.server, &format!("/do/{steps}"), &[("cookie", &self.cookie())], true);
        self.begun();
        client
    }

    /// As [`ask_http2`](Self::ask_http2), with a body that has not come to its end.
    pub(crate) fn ask_http2_with_body(&self, steps: &str) -> Http2 {
        let client = Http2::ask(&self.server, &format!("/do/{steps}"), &[("cookie", &self.cookie())], false);
        self.begun();
        client
    }

    pub(crate) fn begun(&self) {
        happens("the handler begins", &self.server.meeting.arrived);
        // There is but one worker: when it answers this, it has come to rest on the other connection.
        self.hold();
    }

    pub(crate) fn hold(&self) {
        assert_eq!(self.server.ask("/do/hold", &[]).status(), 200);
    }

    /// Does what makes the server read once more from the connection of a handler that waits, and waits until it has.
    pub(crate) fn noticed(&self, leave: impl FnOnce()) {
        let before = self.server.meeting.polls();
        leave();
        if framework::POLLS_WHEN_IT_READS {
            wait_until("the server reads", || self.server.meeting.polls() > before);
        }
        // Where nothing is read, the server has at least seen that there is something.
        self.hold();
    }

    pub(crate) fn go(&self) {
        self.server.meeting.go.notify_one();
    }

    pub(crate) fn is_dropped(&self) {
        happens("the request is dropped", &self.server.meeting.dropped);
        self.hold();
    }

    /// The request is dropped before it could store anything but a logout.
    pub(crate) fn is_cut_off(&self, deed: Deed) {
        self.is_dropped();
        match deed {
            Deed::Write | Deed::Renewal => self.is_unchanged(),
            Deed::Destroy => self.is_done(deed),
        }
    }

    /// Lets a request go on, or sees that it is dropped, and looks at what has become of it. `steps` are the deed before a wait
    /// or after it.
    pub(crate) fn ends(&self, fate: Fate, deed: Deed, steps: &str) {
        match fate {
            Fate::RunsOn => {
                self.go();
                self.is_done(deed);
                self.is_not_dropped();
            }
            Fate::NotBegun => {
                self.hold();
                assert!(self.server.meeting.arrived.notified().now_or_never().is_none());
                self.is_unchanged();
            }
            Fate::Dropped if !steps.starts_with(deed.steps()) => {
                self.is_dropped();
                self.is_unchanged();
            }
            Fate::Dropped => self.is_cut_off(deed),
        }
    }

    pub(crate) fn is_not_dropped(&self) {
        assert!(self.server.meeting.dropped.notified().now_or_never().is_none());
    }

    /// All is as it was before.
    pub(crate) fn is_unchanged(&self) {
        assert_eq!(self.place.data(&self.id).unwrap(), ["user=\"ada\""]);
        assert_eq!(self.place.living(), 1);
    }

    /// Waits until it has become true of the storage what a request was to do.
    pub(crate) fn is_done(&self, what: Deed) {
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
pub(crate) enum Deed {
    Write,
    Renewal,
    Destroy,
}

impl Deed {
    pub(crate) const ALL: [Self; 3] = [Self::Write, Self::Renewal, Self::Destroy];

    pub(crate) fn steps(self) -> &'static str {
        match self {
            Self::Write => "get,set:n=1",
            Self::Renewal => "get,renew",
            Self::Destroy => "get,destroy",
        }
    }

    /// The operation that stores it.
    pub(crate) fn op(self) -> Op {
        match self {
            Self::Write => Op::Commit,
            Self::Renewal => Op::Move,
            Self::Destroy => Op::Remove,
        }
    }
}

pub(crate) fn happens(what: &str, event: &Notify) {
    wait_until(what, || event.notified().now_or_never().is_some());
}

/// Sends nothing more, but would read an answer.
pub(crate) fn half_close(stream: &TcpStream) {
    stream.shutdown(Shutdown::Write).unwrap();
}

/// Closes with a reset, as the system does for a client that has died, or that left something unread.
pub(crate) fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

/// All that the server says until it closes the connection.
pub(crate) fn rest(mut stream: &TcpStream) -> Raw {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    Raw(answer)
}

/// Every deed, done before the wait and after it, on storages that wait and that do not. `leave` asks and
/// leaves; what it returns is kept until the end.
pub(crate) fn each<T>(protocol: Protocol, leaving: Leaving, leave: impl Fn(&Scene, &str) -> T) {
    for kind in KINDS {
        for deed in Deed::ALL {
            for steps in [format!("{},pause", deed.steps()), format!("pause,{}", deed.steps())] {
                let scene = Scene::new(protocol, kind);
                let _kept = leave(&scene, &steps);
                scene.ends(framework::fate(protocol, leaving), deed, &steps);
            }
        }
    }
}

/// Keeps the only worker busy while something is done, so that it notices all of it at once.
pub(crate) fn unnoticed(scene: &Scene, doing: impl FnOnce()) {
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
