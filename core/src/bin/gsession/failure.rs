//! What went wrong, and what to do about it.

use std::{error::Error, io, iter::successors, path::PathBuf, process::ExitCode};

use clap::error::ErrorKind;
use gsession::{ConfigError, StorageError, StorageErrorKind, storage::sealed::SealingKeyError};

/// Why a command was not carried out. No message contains an id, a password or an entry.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line cannot be understood.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    #[error("{0}: there is no such folder; name the one that the service uses")]
    NoFolder(PathBuf),
    #[error(
        "{0}: it is empty and open to others, so no service has sessions there; name the folder that the service uses"
    )]
    NoSessions(PathBuf),
    #[error("{0}: it holds other things than sessions; name the folder that the service uses")]
    OtherThings(PathBuf),
    #[error("{0}: it belongs to another user; run this as the user of the service, for example with sudo -u")]
    ForeignFolder(PathBuf),
    #[error("{0}: there is no such file; name the one that the service uses, or make it with `gsession migrate`")]
    NoDatabase(PathBuf),
    #[error("{path}: it cannot be read", path = .0.display())]
    File(PathBuf, #[source] io::Error),
    #[error(transparent)]
    Key(#[from] SealingKeyError),
    /// Not all sessions could be sealed with the first key.
    #[error("{0} sessions cannot be opened with these keys, and stay as they are")]
    Unopened(u64),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is nothing to show or to end.
    #[error("{0}")]
    NotFound(&'static str),
    #[error("nothing was ended")]
    NotConfirmed,
    #[error("interrupted; what was done until then stays done")]
    Interrupted,
    /// What has moved was counted.
    #[error("{failure}; run it again to move the rest", failure = .0.line())]
    MoveStopped(Box<Failure>),
    #[error(
        "{0} sessions stay where they are, because the new storage refuses them: they may be over its limits, and requests for them \
         fail until it takes them"
    )]
    Refused(u64),
    #[error("standard input cannot be read")]
    Input(#[source] io::Error),
    #[error("the output cannot be written")]
    Output(#[source] io::Error),
    #[error("writing JSON")]
    Json(#[from] serde_json::Error),
    #[error("the program cannot be started")]
    Runtime(#[source] io::Error),
}

/// An error of the command line, which `main` shows as clap shows its own. What was typed is not repeated: it may be a secret.
pub(crate) fn usage(kind: ErrorKind, message: &str) -> clap::Error {
    clap::Error::raw(kind, message)
}

impl Failure {
    /// Says in one line what went wrong, and returns the exit status.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::Usage(error) => {
                // If nobody can read it, there is nobody to tell.
                let _ = error.print();
                ExitCode::from(2)
            }
            // `gsession list ada | head -1`: the reader has enough. Commands report what failed before they report this.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Self::MoveStopped(failure) if matches!(**failure, Self::Interrupted) => {
                say(&self.to_string());
                ExitCode::from(130)
            }
            Self::Interrupted => {
                say(&self.to_string());
                // 128 and the number of SIGINT, as shells do.
                ExitCode::from(130)
            }
            failure => {
                say(&failure.line());
                ExitCode::FAILURE
            }
        }
    }

    /// The failure, its causes, and what to do.
    pub(crate) fn line(&self) -> String {
        let causes = successors(self.source(), |&cause| cause.source()).map(ToString::to_string);
        // Some errors repeat their cause.
        let chain =
            causes.fold(
                self.to_string(),
                |line, cause| {
                    if line.ends_with(&cause) { line } else { format!("{line}: {cause}") }
                },
            );
        match self.advice() {
            Some(advice) => format!("{chain}; {advice}"),
            None => chain,
        }
    }

    fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Storage(error) => match error.kind() {
                StorageErrorKind::Timeout => Some("try again, or with a longer --timeout"),
                StorageErrorKind::Full => Some("make room first"),
                StorageErrorKind::Unsupported => Some("this storage does not keep what that needs"),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A line on standard error.
pub(crate) fn say(line: &str) {
    use io::Write as _;
    // If it is closed, there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "gsession: {line}");
}
