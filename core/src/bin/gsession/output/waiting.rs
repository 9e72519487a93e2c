//! What is shown to a person who waits.

use std::{
    io::{IsTerminal as _, stderr},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

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

/// How far a long command is, on a terminal.
pub(crate) struct Progress(Clear);

impl Progress {
    /// `all` says how much there is to do. It is asked only if somebody can see the answer.
    pub(crate) async fn begin<E>(doing: &'static str, all: impl Future<Output = Result<u64, E>>) -> Self {
        let bar = if stderr().is_terminal() {
            all.await.map_or_else(|_| ProgressBar::no_length(), ProgressBar::new)
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {human_pos} of {human_len} ({eta} left)") {
            bar.set_style(style);
        }
        bar.set_message(doing);
        Self(Clear(bar))
    }

    pub(crate) fn add(&self, done: u64) {
        self.0.0.inc(done);
    }
}
