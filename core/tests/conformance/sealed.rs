//! What [`Sealed`] keeps is a storage like the one below it.

use gsession::{
    FileStorage, Limits, MemoryStorage,
    conformance::Suite,
    storage::sealed::{KeyRing, Sealed, SealingKey},
};

#[cfg(feature = "redis")]
use super::support::redis;
use super::{folders, plain, quiet_memory};

fn keys() -> KeyRing {
    KeyRing::new(SealingKey::from_bytes([7; 32]))
}

/// Over a storage that takes values as long as sealed ones.
fn files() -> impl Fn() -> Sealed<FileStorage> + Send + Sync + 'static {
    let folder = folders();
    move || {
        let builder = FileStorage::builder(folder()).sweep_interval(std::time::Duration::MAX);
        Sealed::new(builder.limits(Limits::default().sealed()).build().unwrap(), keys())
    }
}

fn memory() -> Sealed<MemoryStorage> {
    Sealed::new(quiet_memory(), keys())
}

gsession::conformance_tests! {
    memory: Suite::blocking(memory);
    file_async: Suite::asynchronous(files());
    as_plain_as_can_be: Suite::blocking(|| Sealed::new(plain::Plain::sound(), keys()));
}

#[cfg(feature = "redis")]
gsession::conformance_tests! {
    redis_string: Suite::blocking(|| Sealed::new(redis::strings(), keys()));
    redis_hash_cluster: Suite::asynchronous(|| Sealed::new(redis::clustered_hashes(), keys()));
}
