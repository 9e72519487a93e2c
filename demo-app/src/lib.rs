//! The demo as a library, so that its tests run the same application that `main` serves.

mod accounts;
mod app;
mod cli;
mod csrf;
mod error;
mod error_page;
mod flash;
mod middleware;
mod pages;
mod redirect;
mod storage;

pub use accounts::{AccountError, Accounts};
pub use app::Demo;
pub use cli::{Cli, Kind};
pub use storage::{OpenError, StorageInfo, open};
