//! What is shown to a person who waits.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Most commands are done before anybody wonders.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Waits. If that takes long, and standard error is a terminal, it shows the time elapsed.
pub(crate) async fn patiently<T>(doing: &'static str, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        biased;
        done = &mut work => return done,
        () = tokio::time::sleep(AT_ONCE) => {}
    }
    // It is hidden if standard error is no terminal.
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar.set_message(doing);
    bar.enable_steady_tick(Duration::from_millis(100));
    let _clear = Clear(bar);
    work.await
}

/// Takes the line away, also when the command is interrupted.
struct Clear(ProgressBar);

impl Drop for Clear {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Counts what is done. If that takes long, and standard error is a terminal, it shows the number and the time elapsed.
pub(crate) struct Progress {
    bar: ProgressBar,
    since: Instant,
    is_shown: bool,
}

impl Progress {
    pub(crate) fn new(doing: &'static str) -> Self {
        let bar = ProgressBar::hidden();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}: {human_pos} ({elapsed}, {per_sec})") {
            bar.set_style(style);
        }
        bar.set_message(doing);
        Self { bar, since: Instant::now(), is_shown: false }
    }

    pub(crate) fn add(&mut self, done: u64) {
        self.bar.inc(done);
        if !self.is_shown && self.since.elapsed() >= AT_ONCE {
            self.is_shown = true;
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
