//! Runs the cases on a storage.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    time::Duration,
};

use super::{
    Ability, Case, Failure, Nonconformance, Report,
    blocking_adapter::Executor,
    cases,
    fixture::{Fixture, Source},
    verdict::{Flaw, Verdict},
};
use crate::{Clock as _, IntoStorage, Storage, SystemClock};

/// How long a case may take by default.
const PATIENCE: Duration = Duration::from_secs(120);

/// All cases, for one storage.
///
/// See the [module](super) for an example.
#[derive(Clone)]
#[must_use = "nothing is tested until `check` or `run`"]
pub struct Suite {
    source: Result<Source, Arc<io::Error>>,
    lacking: Vec<Ability>,
    only: Option<Vec<&'static str>>,
    patience: Duration,
}

impl Suite {
    /// For a blocking storage. `make` returns a new, empty storage each time: each case has its own.
    pub fn blocking<S: Storage + 'static>(make: impl Fn() -> S + Send + Sync + 'static) -> Self {
        Self::new(Ok(Source::Blocking(Arc::new(move || Arc::new(make())))))
    }

    /// For an async storage. `make` returns a new, empty storage each time: each case has its own. `make` and the storage run in
    /// a multi-threaded tokio runtime with all drivers that are compiled in.
    pub fn asynchronous<S: IntoStorage>(make: impl Fn() -> S + Send + Sync + 'static) -> Self {
        let executor = Executor::start().map_err(Arc::new);
        Self::new(
            executor.map(|executor| Source::Asynchronous(Arc::new(move || make().into_storage()), Arc::new(executor))),
        )
    }

    fn new(source: Result<Source, Arc<io::Error>>) -> Self {
        Self { source, lacking: Vec::new(), only: None, patience: PATIENCE }
    }

    /// Declares that the storage lacks an ability on purpose. Cases that need it are left out. Instead, a case checks that the
    /// storage answers [`Unsupported`](crate::StorageErrorKind::Unsupported) where it must.
    pub fn without(mut self, ability: Ability) -> Self {
        self.lacking.push(ability);
        self
    }

    /// Runs only these cases. A name that no case has is reported, and fails the suite.
    pub fn only(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.only = Some(names.into_iter().collect());
        self
    }

    /// How long a case may take before it fails. Default: 2 minutes.
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// All cases.
    #[must_use]
    pub const fn cases() -> &'static [Case] {
        cases::ALL
    }

    /// Tests the storage.
    ///
    /// # Errors
    ///
    /// [`Nonconformance`] if a case failed. A test can return it.
    pub fn check(&self) -> Result<Report, Nonconformance> {
        self.run().into_result()
    }

    /// Tests the storage and reports the result. A panic or a deadlock fails the case.
    pub fn run(&self) -> Report {
        let mut report = Report::default();
        let chosen = |case: &&Case| self.only.as_ref().is_none_or(|only| only.contains(&case.name));
        for &case in Self::cases().iter().filter(chosen) {
            if case.needs.iter().any(|need| self.lacking.contains(need)) {
                report.left_out.push(case);
                continue;
            }
            match self.try_case(case) {
                Ok(()) => report.passed.push(case),
                Err(Flaw { seen, unsupported }) => {
                    let hint = if unsupported { "; if this is intended, declare it with `Suite::without`" } else { "" };
                    report.failed.push(Failure { case, seen: seen + hint });
                }
            }
        }
        let is_known = |name: &&&str| Self::cases().iter().any(|case| case.name == **name);
        report.unknown = self.only.iter().flatten().filter(|name| !is_known(name)).copied().collect();
        report
    }

    /// Runs a case on a thread of its own, which is abandoned if it hangs.
    fn try_case(&self, case: Case) -> Verdict {
        let source = match &self.source {
            Ok(source) => source.clone(),
            Err(error) => return Err(Flaw::seen(format!("no runtime could be started: {error}"))),
        };
        let lacking: Arc<[Ability]> = self.lacking.as_slice().into();
        let (sender, verdict) = mpsc::channel();
        let run = move || {
            let tried =
                catch_unwind(AssertUnwindSafe(|| (case.run)(&Fixture::new(&source, &lacking, SystemClock.now()))));
            // The receiver is gone if this took too long.
            let _ = sender.send(tried.unwrap_or_else(|panic| Err(Flaw::panicked(&*panic))));
        };
        let thread = std::thread::Builder::new().name(case.name.to_owned()).spawn(run);
        let thread = thread.map_err(|error| Flaw::seen(format!("no thread could be started: {error}")))?;
        match verdict.recv_timeout(self.patience) {
            Ok(verdict) => {
                // After this, the storage is dropped and cleaned up. Panics were caught inside.
                let _ = thread.join();
                verdict
            }
            Err(_) => Err(Flaw::seen("it did not finish in time, perhaps because of a deadlock")),
        }
    }
}

impl std::fmt::Debug for Suite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Suite").field("lacking", &self.lacking).field("only", &self.only).finish_non_exhaustive()
    }
}
