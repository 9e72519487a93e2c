//! Closes files that have lost their name. The last one who closes such a file gives its blocks back, and may wait for the journal
//! of the file system; the request whose commit replaced the file need not.

use std::{
    fs::File,
    sync::mpsc::{SyncSender, sync_channel},
    thread::JoinHandle,
};

use super::system::unlock;

/// The most files that wait to be closed.
const MOST: usize = 64;

/// The thread that closes them.
#[derive(Debug)]
pub(super) struct Closer {
    files: Option<SyncSender<File>>,
    thread: Option<JoinHandle<()>>,
}

impl Closer {
    pub(super) fn start() -> std::io::Result<Self> {
        let (files, receiver) = sync_channel(MOST);
        let close_all = move || receiver.into_iter().for_each(drop);
        let thread = std::thread::Builder::new().name("gsession-close".to_owned()).spawn(close_all)?;
        Ok(Self { files: Some(files), thread: Some(thread) })
    }

    /// Unlocks a file and closes it soon; at once if too many are waiting.
    pub(super) fn close(&self, file: File) {
        // If this fails, closing unlocks it.
        let _ = unlock(&file);
        if let Some(files) = &self.files {
            let _ = files.try_send(file);
        }
    }
}

impl Drop for Closer {
    fn drop(&mut self) {
        self.files = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
