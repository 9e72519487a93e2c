//! What is shown to a person who waits.

use std::time::Duration;

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
