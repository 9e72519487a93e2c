//! What is logged, as lines.

use std::{
    fmt::{Debug, Write as _},
    sync::{Mutex, OnceLock},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// How many lines there are so far. From the first call on, everything that this process logs is a line.
pub(crate) fn mark() -> usize {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| tracing::subscriber::set_global_default(Lines).unwrap());
    LINES.lock().unwrap().len()
}

/// The lines since a mark. (All of them are many, in a program of many tests.)
pub(crate) fn since(mark: usize) -> Vec<String> {
    LINES.lock().unwrap()[mark..].to_vec()
}

struct Lines;

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let mut fields = Fields(format!("SPAN {}", attributes.metadata().name()));
        attributes.record(&mut fields);
        LINES.lock().unwrap().push(fields.0);
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut fields = Fields("SPAN".to_owned());
        values.record(&mut fields);
        LINES.lock().unwrap().push(fields.0);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(event.metadata().level().to_string());
        event.record(&mut fields);
        LINES.lock().unwrap().push(fields.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
