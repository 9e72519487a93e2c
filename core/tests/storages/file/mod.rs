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

/// Unlocks a file that a test has locked. Closing it might not: a process that another test starts has a copy of it for a moment.
#[cfg(target_os = "linux")]
fn let_go(held: std::fs::File) {
    rustix::fs::flock(&held, rustix::fs::FlockOperation::Unlock).unwrap();
}
