//! What a page of a user's sessions costs in memory. In a program of its own, because it counts the
//! allocations of the whole process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{alloc::System, num::NonZeroUsize};

use gsession::{Storage, StoreKey};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use support::{NOW, quiet_memory, record};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PAGE: NonZeroUsize = NonZeroUsize::new(10).unwrap();

#[test]
fn a_page_costs_the_same_however_many_sessions_there_are() {
    let storage: &dyn Storage = &quiet_memory();
    let mut ada = record(&[("a", "1")]);
    ada.principal = Some("ada".into());
    let key = |number: u32| StoreKey::from_bytes(std::array::from_fn(|at| number.to_be_bytes()[at % 4]));
    let mut stored = 0;
    let mut cost_among = |number: u32| {
        for number in stored..number {
            storage.create(&key(number), &ada, NOW).unwrap();
        }
        stored = number;
        let region = Region::new(ALLOCATOR);
        let page = storage.find_page("ada", Some(key(10)), PAGE, NOW).unwrap();
        let change = region.change();
        assert_eq!(page.len(), PAGE.get());
        (change.allocations, change.bytes_allocated)
    };
    let few = cost_among(30);
    assert!(few.0 > 0, "allocations are counted");
    assert_eq!(cost_among(30_000), few);
}
