//! Trying a storage.

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
use crate::{AnyStorage, AsyncStorage, Clock as _, Storage, SystemClock};

/// How long a case may take unless told otherwise. Nothing else depends on it.
const PATIENCE: Duration = Duration::from_secs(120);

/// The cases, for one storage.
///
/// See the [module](super) for an example.
#[derive(Clone)]
#[must_use = "nothing is tried until `check` or `run`"]
pub struct Suite {
    source: Result<Source, Arc<io::Error>>,
    lacking: Vec<Ability>,
    only: Option<Vec<&'static str>>,
    patience: Duration,
}

impl Suite {
    /// For a blocking storage. `make` gives a new, empty one each time; each case has its own.
    pub fn blocking<S: Storage + 'static>(make: impl Fn() -> S + Send + Sync + 'static) -> Self {
        Self::new(Ok(Source::Blocking(Arc::new(move || Arc::new(make())))))
    }

    /// For an async storage. `make` gives a new, empty one each time; each case has its own. It is called, and the storage
    /// is used, in a tokio runtime of several threads with all drivers that are compiled in.
    pub fn asynchronous<S: AsyncStorage + 'static>(make: impl Fn() -> S + Send + Sync + 'static) -> Self {
        let executor = Executor::start().map_err(Arc::new);
        Self::new(
            executor
                .map(|executor| Source::Asynchronous(Arc::new(move || AnyStorage::new(make())), Arc::new(executor))),
        )
    }

    fn new(source: Result<Source, Arc<io::Error>>) -> Self {
        Self { source, lacking: Vec::new(), only: None, patience: PATIENCE }
    }

    /// Says that the storage cannot do something, on purpose; cases that need it are left out. Where it has to say so with
    /// [`Unsupported`](crate::StorageErrorKind::Unsupported), this is looked at instead.
    pub fn without(mut self, ability: Ability) -> Self {
        self.lacking.push(ability);
        self
    }

    /// Tries these cases alone. A name that no case has is reported, and fails the suite.
    pub fn only(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.only = Some(names.into_iter().collect());
        self
    }

    /// How long a case may take before it counts as hanging. Default: 2 minutes.
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Every case there is.
    #[must_use]
    pub const fn cases() -> &'static [Case] {
        cases::ALL
    }

    /// Tries the storage.
    ///
    /// # Errors
    ///
    /// [`Nonconformance`] if a case failed. A test can return it.
    pub fn check(&self) -> Result<Report, Nonconformance> {
        self.run().into_result()
    }

    /// Tries the storage and reports. A storage that panics or hangs fails the case.
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
                    let hint =
                        if unsupported { "; if it is meant to lack this, say so with `Suite::without`" } else { "" };
                    report.failed.push(Failure { case, seen: seen + hint });
                }
            }
        }
        let is_known = |name: &&&str| Self::cases().iter().any(|case| case.name == **name);
        report.unknown = self.only.iter().flatten().filter(|name| !is_known(name)).copied().collect();
        report
    }

    /// Runs a case on a thread of its own, so that one that hangs can be left behind.
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
            // Nobody listens any more if it took too long.
            let _ = sender.send(tried.unwrap_or_else(|panic| Err(Flaw::panicked(&*panic))));
        };
        let thread = std::thread::Builder::new().name(case.name.to_owned()).spawn(run);
        let thread = thread.map_err(|error| Flaw::seen(format!("no thread could be started: {error}")))?;
        match verdict.recv_timeout(self.patience) {
            Ok(verdict) => {
                // The storage is gone by then, with all that it has to clear up. What panics is caught inside.
                let _ = thread.join();
                verdict
            }
            Err(_) => Err(Flaw::seen("it did not come to an end: some lock is never given back")),
        }
    }
}

impl std::fmt::Debug for Suite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Suite").field("lacking", &self.lacking).field("only", &self.only).finish_non_exhaustive()
    }
}
