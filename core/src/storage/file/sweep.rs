//! Removes expired sessions, and nothing that is not from this storage.

use std::time::Duration;

use super::{
    error::Result,
    expiry::Standing,
    index::{self, Healing},
    lock,
    store::{Held, Store},
    system::{Dir, Opened, Purpose, open_own, remove},
};
use crate::{StoreKey, Timestamp, observe::EndReason, storage::Swept};

/// Writing a file takes moments. A temporary file this old was left behind by a killed process.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// What the name of a file says.
enum Name {
    Session(StoreKey),
    Temporary,
    Other,
}

impl Store {
    pub(super) fn sweep(&self, now: Timestamp) -> Result<Swept> {
        let mut swept = Swept::default();
        let mut healing = self.begin_healing(now);
        for number in 0..=u8::MAX {
            let name = format!("{number:02x}");
            // A problem with one sub-folder must not keep the others from being swept.
            let outcome = match self.folder.sub(&name) {
                Ok(None) => continue,
                Ok(Some(sub)) => self.sweep_sub(number, &sub, now, &mut swept, healing.as_mut()),
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
        if let Some(healing) = healing
            && let Err(error) = self.end_healing(healing)
        {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "some sessions are not yet in the index of principals");
        }
        self.compact_index(now);
        Ok(swept)
    }

    fn sweep_sub(
        &self,
        number: u8,
        sub: &Dir,
        now: Timestamp,
        swept: &mut Swept,
        mut healing: Option<&mut Healing>,
    ) -> Result<()> {
        let names = if let Some(healing) = &mut healing {
            healing.begin_sub();
            // A name that is renamed over while the sub-folder is not locked may not be listed.
            let _held = self.hold_sub(number, sub)?;
            sub.names()?
        } else {
            sub.names()?
        };
        for text in names {
            let name = Name::of(&text);
            if matches!(name, Name::Other) {
                swept.foreign += u64::from(text != lock::NAME && !index::NAMES.contains(&text.as_str()));
                continue;
            }
            let opened = open_own(sub, &text, Purpose::Reading)?;
            let mut standing = self.standing_of(&opened, &name, now)?;
            if standing == Some(Standing::Expired) {
                let was_session;
                // Looked at again under the lock: there may have been a commit in between.
                (standing, was_session) = self.remove_expired(&self.hold_sub(number, sub)?, &text, &name, now)?;
                if let (Name::Session(key), true) = (&name, was_session) {
                    self.reporter.ended(*key, EndReason::Expired);
                }
            }
            match (standing, &name) {
                (Some(Standing::Expired), Name::Session(_)) => swept.removed += 1,
                (Some(Standing::Living), Name::Session(key)) => {
                    swept.kept += 1;
                    if let (Some(healing), Opened::File(file, stat)) = (&mut healing, &opened) {
                        self.heal(healing, key, file, stat);
                    }
                }
                (Some(Standing::Unknown), _) => {
                    swept.foreign += 1;
                    if let Some(healing) = &mut healing {
                        healing.saw_unknown();
                    }
                }
                _ => {}
            }
        }
        if let Some(healing) = healing {
            healing.end_sub(number);
        }
        Ok(())
    }

    /// `None` if the file is gone.
    fn standing_of(&self, opened: &Opened, name: &Name, now: Timestamp) -> Result<Option<Standing>> {
        let (file, stat) = match opened {
            Opened::File(file, stat) => (file, stat),
            Opened::Absent => return Ok(None),
            Opened::Foreign => return Ok(Some(Standing::Unknown)),
        };
        Ok(Some(match name {
            Name::Session(key) => self.standing(file, stat, key, now)?,
            _ if stat.modified() + ABANDONED <= now => Standing::Expired,
            _ => Standing::Living,
        }))
    }

    /// Returns how the file stands, `None` if it is gone, and whether a session has ended with it.
    fn remove_expired(
        &self,
        held: &Held<'_>,
        text: &str,
        name: &Name,
        now: Timestamp,
    ) -> Result<(Option<Standing>, bool)> {
        let opened = held.open_own(text)?;
        let standing = self.standing_of(&opened, name, now)?;
        let (Some(Standing::Expired), Opened::File(file, stat)) = (standing, &opened) else {
            return Ok((standing, false));
        };
        let was_session = matches!(name, Name::Session(_)) && self.is_reported(&opened);
        if !remove(&held.sub, text, (file, stat), false)? {
            return Ok((None, false));
        }
        if let Name::Session(key) = name {
            self.forget(key);
            self.watch.changed(key);
        }
        Ok((standing, was_session))
    }
}

impl Name {
    fn of(text: &str) -> Self {
        match StoreKey::parse(text) {
            Some(key) => Self::Session(key),
            None if is_temporary(text) => Self::Temporary,
            None => Self::Other,
        }
    }
}

/// Whether this is the name of a temporary file: that of another file, and the numbers of a process and of a file.
fn is_temporary(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = name.split_once(".tmp-").and_then(|(key, rest)| Some((key, rest.split_once('-')?)));
    parts.is_some_and(|(key, (process, number))| {
        (StoreKey::parse(key).is_some() || index::NAMES.contains(&key)) && is_number(process) && is_number(number)
    })
}
