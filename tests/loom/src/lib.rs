//! Only tests: `cargo test --package gsession-loom`.
