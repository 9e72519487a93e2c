//! A real GoFrame service (the Go files beside this one) and gsession on one Redis: see `tests/live.rs`.
