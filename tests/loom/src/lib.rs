//! Only tests: `RUSTFLAGS="--cfg gsession_loom" cargo test --release -p gsession-loom`.
