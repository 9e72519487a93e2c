//! The same on the Redis storages.

use gsession::conformance::Suite;

use crate::support::redis;

gsession::conformance_tests! {
    redis_string: Suite::blocking(redis::strings);
    redis_hash: Suite::blocking(redis::hashes);
    redis_string_async: Suite::asynchronous(redis::strings);
    redis_hash_async: Suite::asynchronous(redis::hashes);
    redis_string_near: Suite::asynchronous(redis::near_strings);
    redis_hash_near: Suite::asynchronous(redis::near_hashes);
    redis_string_cluster: Suite::blocking(redis::clustered_strings);
    redis_hash_cluster: Suite::asynchronous(redis::clustered_hashes);
}
