//! The global allocator: the system's, which counts allocations and live bytes once it is told to.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
};

/// The system's allocator behind counters. A reallocation counts as one allocation.
pub(crate) struct Counting;

// Off by default, so that the runs which measure time or instructions pay one load and one branch, not two
// contended atomic additions.
static COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static LIVE_BYTES: AtomicI64 = AtomicI64::new(0);

/// Switches the counters on or off, for all threads.
pub(crate) fn set_counting(on: bool) {
    COUNTING.store(on, Relaxed);
}

/// How many allocations all threads made while counting was on.
pub(crate) fn allocations() -> u64 {
    ALLOCATIONS.load(Relaxed)
}

/// Bytes asked for and not given back while counting was on. Only differences of this mean something.
pub(crate) fn live_bytes() -> i64 {
    LIVE_BYTES.load(Relaxed)
}

fn count(allocations: u64, grown: usize, shrunk: usize) {
    if COUNTING.load(Relaxed) {
        ALLOCATIONS.fetch_add(allocations, Relaxed);
        // A Layout is never larger than isize::MAX, so neither cast can wrap.
        LIVE_BYTES.fetch_add(grown as i64 - shrunk as i64, Relaxed);
    }
}

#[allow(unsafe_code, reason = "GlobalAlloc is an unsafe trait, and nothing else sees every allocation")]
// SAFETY: every method hands its arguments unchanged to `System` and returns what that returned; the counters
// are atomics and do not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size(), 0);
        // SAFETY: our caller keeps the contract of `alloc`, which is System's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size(), 0);
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size, layout.size());
        // SAFETY: as in `alloc`; the pointer came from `System`, because every other method asks it.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, 0, layout.size());
        // SAFETY: as in `realloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}
