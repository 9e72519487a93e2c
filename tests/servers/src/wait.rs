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
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    until_or_show(what, look, String::new)
}

/// [`until`], with something to `show` when it never comes: a log, say.
///
/// # Panics
///
/// As [`until`] does.
pub fn until_or_show<T>(what: &str, look: impl FnMut() -> Option<T>, show: impl FnOnce() -> String) -> T {
    within(PATIENCE, what, look, show)
}

fn within<T>(patience: Duration, what: &str, mut look: impl FnMut() -> Option<T>, show: impl FnOnce() -> String) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return found;
        }
        if Instant::now() >= deadline {
            panic!("{}", format!("{what}: not within {patience:?}\n{}", show()).trim_end());
        }
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

    #[test]
    #[should_panic(expected = "a miracle: not within 1ms\nwhat the log says")]
    fn what_never_comes_is_named_with_what_there_is_to_show() {
        within(Duration::from_millis(1), "a miracle", || None::<()>, || "what the log says".to_owned());
    }
}
