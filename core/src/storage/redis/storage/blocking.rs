//! Blocking use.

use std::{num::NonZeroUsize, sync::Arc};

use super::Redis;
use crate::{
    KeyScheme, Record, StoreKey, Timestamp,
    observe::Observer,
    record::{Access, Commit},
    storage::{
        Committed, Created, Found, Lookup, Moved, Removed, ScanCursor, Scanned, Storage, Swept, Tombstone, Touched,
        Watched,
        redis::{
            errors::Answered,
            layout::{Layout, PageOf},
        },
    },
    wait::wait,
};

impl<L: Layout> Storage for Redis<L> {
    fn load(&self, key: &StoreKey, access: &Access) -> Answered<Lookup> {
        wait(self.layout().load(self.blocking(), key, None, access))
    }

    fn fetch(&self, key: &StoreKey, names: &[&str], access: &Access) -> Answered<Lookup> {
        wait(self.layout().load(self.blocking(), key, Some(names), access))
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Answered<Created> {
        wait(self.create_in(self.blocking(), key, record, now))
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Answered<Committed> {
        wait(self.commit_in(self.blocking(), key, commit))
    }

    fn touch(&self, key: &StoreKey, access: &Access) -> Answered<Touched> {
        wait(self.touch_in(self.blocking(), key, access))
    }

    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Answered<Moved> {
        wait(self.move_in(self.blocking(), from, to, commit))
    }

    fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Answered<Option<Tombstone>> {
        wait(self.layout().tombstone(self.blocking(), key, now))
    }

    fn remove(&self, key: &StoreKey) -> Answered<Removed> {
        wait(self.remove_in(self.blocking(), key))
    }

    fn find(&self, principal: &str, now: Timestamp) -> Answered<Vec<Found>> {
        wait(self.layout().find(self.blocking(), principal, now))
    }

    fn find_page(
        &self,
        principal: &str,
        after: Option<StoreKey>,
        most: NonZeroUsize,
        now: Timestamp,
    ) -> Answered<Vec<Found>> {
        wait(self.layout().find_page(self.blocking(), principal, PageOf { after, most }, now))
    }

    fn sweep(&self, now: Timestamp) -> Answered<Swept> {
        wait(self.layout().sweep(self.blocking(), now))
    }

    fn count(&self, now: Timestamp) -> Answered<u64> {
        wait(self.layout().count(self.blocking(), now))
    }

    fn scan(&self, after: Option<&ScanCursor>, now: Timestamp) -> Answered<Scanned> {
        wait(self.layout().scan(self.blocking(), after, now))
    }

    fn check(&self) -> Answered<()> {
        wait(self.check_in(self.blocking()))
    }

    fn key_scheme(&self) -> KeyScheme {
        L::KEY_SCHEME
    }

    fn watch(&self, key: &StoreKey) -> Option<Watched> {
        self.0.reports.watch(key)
    }
    fn report_to(&self, observers: &[Arc<dyn Observer>]) {
        self.0.reporter.add(observers);
    }
}
