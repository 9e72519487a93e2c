//! Runs tasks in every order of their storage operations, or in many.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use gsession::{
    AsyncStorage, MemoryStorage, Record, Storage, StoreKey, Timestamp,
    record::Commit,
    storage::{Access, Committed, Created, Lookup, Moved, Removed, StorageFuture, Tombstone, Touched},
};

/// A storage in memory in which each operation waits for its turn.
#[derive(Clone)]
pub(crate) struct Stepping(pub(crate) Arc<MemoryStorage>);

/// Pending once.
struct Turn(bool);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

macro_rules! step {
    ($self:ident.$method:ident($($argument:expr),*)) => {
        Box::pin(async move {
            Turn(false).await;
            $self.0.$method($($argument),*)
        })
    };
}

impl AsyncStorage for Stepping {
    fn load<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Lookup> {
        step!(self.load(key, access))
    }

    fn create<'a>(&'a self, key: &'a StoreKey, record: &'a Record, now: Timestamp) -> StorageFuture<'a, Created> {
        step!(self.create(key, record, now))
    }

    fn commit<'a>(&'a self, key: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Committed> {
        step!(self.commit(key, commit))
    }

    fn touch<'a>(&'a self, key: &'a StoreKey, access: &'a Access) -> StorageFuture<'a, Touched> {
        step!(self.touch(key, access))
    }

    fn move_to<'a>(&'a self, from: &'a StoreKey, to: &'a StoreKey, commit: &'a Commit) -> StorageFuture<'a, Moved> {
        step!(self.move_to(from, to, commit))
    }

    fn tombstone<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StorageFuture<'a, Option<Tombstone>> {
        step!(self.tombstone(key, now))
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StorageFuture<'a, Removed> {
        step!(self.remove(key))
    }
}

pub(crate) type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Who makes the choices.
pub(crate) trait Chooser {
    fn choose(&mut self, of: usize) -> usize;
}

/// All choices, one after the other.
#[derive(Default)]
pub(crate) struct All {
    made: Vec<(usize, usize)>,
    at: usize,
}

impl Chooser for All {
    fn choose(&mut self, of: usize) -> usize {
        if self.at == self.made.len() {
            self.made.push((0, of));
        }
        self.at += 1;
        self.made[self.at - 1].0
    }
}

impl All {
    /// Goes on to the next choices. `false` if there are none.
    pub(crate) fn next(&mut self) -> bool {
        self.at = 0;
        while let Some((choice, of)) = self.made.pop() {
            if choice + 1 < of {
                self.made.push((choice + 1, of));
                return true;
            }
        }
        false
    }
}

/// Choices by chance, the same for the same seed (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Chooser for Random {
    fn choose(&mut self, of: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % of as u64) as usize
    }
}

/// Runs the tasks to their ends, of which at most `deaths` are dropped half-way. Returns what was done in which order: the number of
/// a task, or that of one that died, plus 100.
pub(crate) fn run(tasks: Vec<Task>, mut deaths: usize, chooser: &mut impl Chooser) -> Vec<usize> {
    let mut tasks: Vec<(usize, Task)> = tasks.into_iter().enumerate().collect();
    let mut order = Vec::new();
    while !tasks.is_empty() {
        let living = tasks.len();
        let choice = chooser.choose(if deaths > 0 { 2 * living } else { living });
        if choice >= living {
            deaths -= 1;
            let (number, task) = tasks.remove(choice - living);
            order.push(100 + number);
            drop(task);
            continue;
        }
        let (number, task) = &mut tasks[choice];
        order.push(*number);
        if task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            drop(tasks.remove(choice));
        }
    }
    order
}
