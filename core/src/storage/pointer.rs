//! Pointers to storages, which are storages too.

use std::{ops::Deref, sync::Arc};

/// A pointer: what an `Arc`, a `Box` or a reference points to is a storage, and so it is one itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a session storage of the kind that is needed here",
    note = "blocking: implement `Storage`; async: implement `AsyncStorage`, or wrap a `Storage` in `AnyStorage::immediate` or `AnyStorage::blocking`"
)]
pub trait Pointer: Deref {}

impl<S: ?Sized> Pointer for Arc<S> {}
impl<S: ?Sized> Pointer for Box<S> {}
impl<S: ?Sized> Pointer for &S {}
