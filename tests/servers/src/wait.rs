//! Waiting for something that must come true soon.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How long anything may take before a test calls it broken: long, because the machine may be busy compiling.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often to look.
pub const INTERVAL: Duration = Duration::from_millis(20);

/// Looks until `look` has something to show.
///
/// # Panics
///
/// After [`PATIENCE`], naming what was waited for.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        thread::sleep(INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_ends_as_soon_as_there_is_something() {
        let mut looks = 0;
        let third = until("the third look", || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(third, 3);
    }
}
