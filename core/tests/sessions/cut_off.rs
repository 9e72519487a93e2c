//! A close whose future is dropped after any number of polls, and is then asked for again: what comes of it is the same.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::{executor::block_on, future::poll_fn, task::noop_waker};
use gsession::{
    AsyncManager, AsyncStorage, ClientInfo, Delivery, Exchange, ManualClock, MemoryStorage, Record, SessionId, Storage,
    StoreKey, Timestamp,
    record::Commit,
    storage::{Access, Committed, Created, Found, Lookup, Moved, Removed, StorageFuture, Tombstone, Touched},
};

/// Waits once before and once after each operation.
#[derive(Clone)]
struct Slow(MemoryStorage);

fn once() -> impl Future<Output = ()> {
    let mut waited = false;
    poll_fn(move |cx| {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }
    })
}

macro_rules! slow {
    ($call:expr) => {{
        once().await;
        let answer = $call;
        once().await;
        answer
    }};
}

impl AsyncStorage for Slow {
    fn load<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Lookup> {
        Box::pin(async move { slow!(Storage::load(&self.0, key, access)) })
    }
    fn create<'a>(&'a self, key: &'a StoreKey, record: &'a Record, now: Timestamp) -> StorageFuture<'a, Created> {
        Box::pin(async move { slow!(Storage::create(&self.0, key, record, now)) })
    }
    fn commit<'a>(&'a self, key: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Committed> {
        Box::pin(async move { slow!(Storage::commit(&self.0, key, commit)) })
    }
    fn touch<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Touched> {
        Box::pin(async move { slow!(Storage::touch(&self.0, key, access)) })
    }
    fn move_to<'a>(&'a self, from: &'a StoreKey, to: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Moved> {
        Box::pin(async move { slow!(Storage::move_to(&self.0, from, to, commit)) })
    }
    fn tombstone<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StorageFuture<'a, Option<Tombstone>> {
        Box::pin(async move { slow!(Storage::tombstone(&self.0, key, now)) })
    }
    fn remove<'a>(&'a self, key: &'a StoreKey) -> StorageFuture<'a, Removed> {
        Box::pin(async move { slow!(Storage::remove(&self.0, key)) })
    }
    fn find<'a>(&'a self, principal: &'a str, now: Timestamp) -> StorageFuture<'a, Vec<Found>> {
        Box::pin(async move { slow!(Storage::find(&self.0, principal, now)) })
    }
}

/// Polls so often, then drops it. Whether it was finished.
fn dropped_after<T>(polls: u32, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let waker = noop_waker();
    for _ in 0..polls {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(answer);
        }
    }
    None
}

fn living(storage: &MemoryStorage) -> u64 {
    Storage::sweep(storage, Timestamp::from_millis(0) + Duration::from_secs(3 * 60 * 60)).unwrap().kept
}

fn check(name: &str, sessions: u64, request: impl Fn(&AsyncManager, &SessionId, &ManualClock) -> Exchange) {
    for first in 0..30 {
        for second in 0..12 {
            let memory = MemoryStorage::builder().sweep_interval(Duration::MAX).build();
            let clock = ManualClock::new(Timestamp::from_millis(1_000));
            let manager = AsyncManager::builder(Slow(memory.clone())).clock(clock.clone()).build().unwrap();
            let anonymous = manager.begin(None, ClientInfo::default);
            anonymous.set("csrf", "x").unwrap();
            let Delivery::Send { id, .. } = block_on(anonymous.close()).unwrap().delivery else { panic!("no id") };
            clock.advance(Duration::from_secs(1));
            let session = request(&manager, &id, &clock);
            clock.advance(Duration::from_secs(1));
            let done = dropped_after(first, session.close()).or_else(|| dropped_after(second, session.close()));
            let closed = done.unwrap_or_else(|| block_on(session.close())).unwrap();
            let Delivery::Send { id: new, .. } = closed.delivery else {
                panic!("{name} {first} {second}: {:?}", closed.delivery)
            };
            let later = manager.begin(Some(new.as_str()), ClientInfo::default);
            let n: Option<u32> = block_on(later.get("n")).unwrap();
            assert_eq!(n, Some(1), "{name} {first} {second}");
            assert_eq!(living(&memory), sessions, "{name} {first} {second}");
        }
    }
}

fn ada(manager: &AsyncManager, id: &SessionId, who: &str) {
    let login = manager.begin(Some(id.as_str()), ClientInfo::default);
    login.renew().unwrap();
    login.set_principal(who).unwrap();
    let _ = block_on(login.close()).unwrap();
}

#[test]
fn a_creation() {
    check("create", 2, |manager, _, _| {
        let session = manager.begin(None, ClientInfo::default);
        session.set("n", &1).unwrap();
        session
    });
}

#[test]
fn a_renewal() {
    for reads in [false, true] {
        check("renew", 1, |manager, id, _| {
            let session = manager.begin(Some(id.as_str()), ClientInfo::default);
            if reads {
                let _: Option<String> = block_on(session.get("csrf")).unwrap();
            }
            session.renew().unwrap();
            session.set("n", &1).unwrap();
            session
        });
    }
}

#[test]
fn a_login_that_joins() {
    for reads in [false, true] {
        check("join", 1, |manager, id, clock| {
            let session = manager.begin(Some(id.as_str()), ClientInfo::default);
            if reads {
                let _: Option<String> = block_on(session.get("csrf")).unwrap();
            }
            clock.advance(Duration::from_secs(1));
            ada(manager, id, "ada");
            session.renew().unwrap();
            session.set("n", &1).unwrap();
            session.set_principal("ada").unwrap();
            session
        });
    }
}

#[test]
fn a_login_that_begins_anew() {
    check("anew", 2, |manager, id, clock| {
        ada(manager, id, "ada");
        clock.advance(Duration::from_secs(1));
        let session = manager.begin(Some(id.as_str()), ClientInfo::default);
        session.renew().unwrap();
        session.set("n", &1).unwrap();
        session.set_principal("bob").unwrap();
        session
    });
}

#[test]
fn a_logout_and_a_flash() {
    check("logout", 1, |manager, id, clock| {
        ada(manager, id, "ada");
        clock.advance(Duration::from_secs(1));
        let session = manager.begin(Some(id.as_str()), ClientInfo::default);
        session.destroy();
        session.set("n", &1).unwrap();
        session
    });
}
