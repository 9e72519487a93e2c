//! Everything that is logged, as text.

use std::{
    fmt::{Debug, Write as _},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
    subscriber::DefaultGuard,
};

/// Keeps every event and span of every level as text.
struct Everything {
    text: Arc<Mutex<String>>,
    next_span: AtomicU64,
}

/// The log of the process. Every test of a program that looks at logs calls this first: what is said before there is a subscriber
/// may stay silent for good.
pub(crate) fn log() -> &'static Mutex<String> {
    static LOG: OnceLock<Arc<Mutex<String>>> = OnceLock::new();
    LOG.get_or_init(|| {
        let (text, everything) = Everything::new();
        tracing::subscriber::set_global_default(everything).unwrap();
        text
    })
}

/// What this thread logs from now on, until the guard is dropped; the log of the process does not get it.
pub(crate) fn of_this_thread() -> (Arc<Mutex<String>>, DefaultGuard) {
    log();
    let (text, everything) = Everything::new();
    (text, tracing::subscriber::set_default(everything))
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        write!(self.0, " {field}={}", told(value)).unwrap();
    }
}

impl Everything {
    fn new() -> (Arc<Mutex<String>>, Self) {
        let text = Arc::<Mutex<String>>::default();
        (Arc::clone(&text), Self { text, next_span: AtomicU64::new(1) })
    }

    fn write(&self, meta: &Metadata<'_>, record: impl FnOnce(&mut Fields<'_>)) {
        let mut line = format!("{} {} {}:", meta.level(), meta.target(), meta.name());
        record(&mut Fields(&mut line));
        line.push('\n');
        self.text.lock().unwrap().push_str(&line);
    }
}

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        self.write(attributes.metadata(), |fields| attributes.record(fields));
        span::Id::from_u64(self.next_span.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut line = "SPAN".to_owned();
        values.record(&mut Fields(&mut line));
        line.push('\n');
        self.text.lock().unwrap().push_str(&line);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        self.write(event.metadata(), |fields| event.record(fields));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// An error in every way it can be shown, with its sources.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(error) = source {
        write!(text, " <- {error} {error:?}").unwrap();
        source = error.source();
    }
    text
}
