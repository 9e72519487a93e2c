//! Sessions in files.

#[cfg(unix)]
mod appending;
#[cfg(unix)]
mod attacks;
#[cfg(all(feature = "tokio", target_os = "linux"))]
mod cached;
#[cfg(all(feature = "tokio", target_os = "linux"))]
mod costs;
#[cfg(target_os = "linux")]
mod full_disk;
#[cfg(target_os = "linux")]
mod killed;
#[cfg(target_os = "linux")]
mod leftovers;
mod limits;
#[cfg(unix)]
mod links;
#[cfg(target_os = "linux")]
mod listing;
#[cfg(target_os = "linux")]
mod principals;
mod processes;
#[cfg(target_os = "linux")]
mod races;
#[cfg(windows)]
mod windows;
