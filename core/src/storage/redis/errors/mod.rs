//! Why a server did not do what it was asked, in words that say what to change.

mod failure;
mod reason;
#[cfg(feature = "redis-tls")]
mod tls_reason;

pub(crate) use failure::{Failure, Refusal, checked, is_answer};

use crate::storage::StorageError;

pub(crate) type Answered<T> = Result<T, StorageError>;
