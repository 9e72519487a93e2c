//! One call of a storage, while somebody looks.

use std::time::Instant;

use tracing::{Instrument as _, Level, Span, field::Empty};

use super::{CallOutcome, Observers, Operation, StorageCalled, TARGET};
use crate::{
    StoreKey,
    storage::{StorageError, StorageFuture},
};

/// Times a call and reports it when it ends, or when its future is dropped.
pub(crate) struct Call {
    operation: Operation,
    key: Option<StoreKey>,
    observers: Observers,
    began: Instant,
    span: Span,
    outcome: CallOutcome,
}

impl Call {
    /// Whether anybody looks. If not, there is no clock to read and nothing to allocate.
    #[inline]
    pub(crate) fn is_watched(observers: &Observers) -> bool {
        observers.hear(Level::DEBUG)
    }

    #[cold]
    pub(crate) fn begin(observers: &Observers, operation: Operation, key: Option<&StoreKey>) -> Self {
        let name = operation.as_str();
        let span = tracing::debug_span!(target: TARGET, "storage", operation = name, key = Empty, outcome = Empty);
        if let Some(key) = key {
            span.record("key", tracing::field::debug(key));
        }
        let (observers, key) = (observers.clone(), key.copied());
        Self { operation, key, observers, began: Instant::now(), span, outcome: CallOutcome::Dropped }
    }

    /// Makes a call that does not wait.
    pub(crate) fn make<T>(mut self, call: impl FnOnce() -> Result<T, StorageError>) -> Result<T, StorageError> {
        let answer = self.span.in_scope(call);
        self.note(&answer);
        answer
    }

    /// Makes a call that may wait.
    pub(crate) fn follow<'a, T: Send + 'a>(
        mut self,
        call: impl FnOnce() -> StorageFuture<'a, T>,
    ) -> StorageFuture<'a, T> {
        // What need not wait may be done before there is a future.
        let call = self.span.in_scope(call);
        Box::pin(async move {
            let answer = call.instrument(self.span.clone()).await;
            self.note(&answer);
            answer
        })
    }

    fn note<T>(&mut self, answer: &Result<T, StorageError>) {
        self.outcome = match answer {
            Ok(_) => CallOutcome::Answered,
            Err(error) => CallOutcome::Failed(error.kind()),
        };
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let Self { operation, key, outcome, .. } = *self;
        self.span.record("outcome", outcome.as_str());
        self.observers.called(&StorageCalled { operation, key, outcome, duration: self.began.elapsed() });
    }
}
