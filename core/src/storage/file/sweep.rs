//! Removes expired sessions, and nothing that is not from this storage.

use std::{os::fd::OwnedFd, time::Duration};

use super::{
    error::{Doing, Result},
    folder::names_in,
    fs::{Opened, open_own, unlink},
    store::Store,
};
use crate::{StoreKey, Timestamp, storage::Swept};

/// Writing a file takes moments. A temporary file this old was left behind by a killed process.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

impl Store {
    pub(super) fn sweep(&self, now: Timestamp) -> Result<Swept> {
        let mut swept = Swept::default();
        for number in 0..=u8::MAX {
            let name = format!("{number:02x}");
            // A problem with one sub-folder must not keep the others from being swept.
            let outcome = match self.folder.sub(&name) {
                Ok(None) => continue,
                Ok(Some(sub)) => self.sweep_sub(number, &sub, now, &mut swept),
                Err(error) => Err(error),
            };
            match outcome {
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a session sub-folder was not swept");
                    swept.foreign += 1;
                }
            }
        }
        Ok(swept)
    }

    fn sweep_sub(&self, number: u8, sub: &OwnedFd, now: Timestamp, swept: &mut Swept) -> Result<()> {
        for name in names_in(sub)? {
            let is_session = StoreKey::parse(&name).is_some();
            let is_temporary = temporary_of(&name).is_some();
            if !is_session && !is_temporary {
                swept.foreign += u64::from(name != "lock");
                continue;
            }
            let is_over = |store: &Self| {
                if is_session { store.is_expired_file(sub, &name, now) } else { is_abandoned(sub, &name, now) }
            };
            if !is_over(self)? {
                match open_own(sub, &name)? {
                    Opened::File(mut file) if is_session => {
                        let mut header = [0; super::format::HEADER];
                        let read = std::io::Read::read(&mut file, &mut header).doing("reading a session file")?;
                        let ours = super::format::decode_deadlines(&header[..read]).is_ok();
                        if ours { swept.kept += 1 } else { swept.foreign += 1 }
                    }
                    Opened::File(_) => {}
                    Opened::Foreign => swept.foreign += 1,
                    Opened::Absent => {}
                }
                continue;
            }
            // Checked again under the lock: there may have been a commit in between.
            let _lock = self.locks.lock(number, sub)?;
            if is_over(self)? && unlink(sub, &name)? {
                swept.removed += u64::from(is_session);
                if let Some(key) = StoreKey::parse(&name) {
                    self.touches.forget(&key);
                }
            }
        }
        Ok(())
    }
}

/// The key in the name of a temporary file.
fn temporary_of(name: &str) -> Option<StoreKey> {
    let (key, rest) = name.split_once(".tmp-")?;
    let (process, number) = rest.split_once('-')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number(process) && is_number(number) { StoreKey::parse(key) } else { None }
}

fn is_abandoned(sub: &OwnedFd, name: &str, now: Timestamp) -> Result<bool> {
    let Opened::File(file) = open_own(sub, name)? else { return Ok(false) };
    let modified = file.metadata().and_then(|data| data.modified()).doing("reading the time of a session file")?;
    Ok(Timestamp::from(modified) + ABANDONED <= now)
}
