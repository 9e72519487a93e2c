//! A storage written as an exercise: all sessions in one text file, read and written as a whole by each operation. It shows
//! what a further storage takes: this file, and its line in the matrix of `main.rs`.

use std::{collections::BTreeMap, fs, io, path::PathBuf};

use gsession::{
    BincodeCodec, Codec as _, Limits, Record, Storage, StorageError, StorageErrorKind, StoreKey, Timestamp,
    record::{Applied, Commit},
    storage::{
        Access, Committed, Created, Found, Lookup, Moved, Removed, SealedId, Snapshot, Swept, TOMBSTONE_LIFETIME,
        Tombstone,
    },
};
use parking_lot::Mutex;

/// The file. Its lock keeps one operation from another; a second process is not provided for.
pub(crate) struct OneFile(Mutex<PathBuf>);

/// What is kept under a key.
enum Line {
    Session(Record),
    /// The session was renewed.
    Renewed(Tombstone),
}

type Lines = BTreeMap<StoreKey, Line>;

fn failed(source: impl std::error::Error + Send + Sync + 'static) -> StorageError {
    StorageError::new(StorageErrorKind::Other, "using the one file").with_source(source)
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes().chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

fn key_in(text: &str) -> Option<StoreKey> {
    Some(StoreKey::from_bytes(unhex(text)?.try_into().ok()?))
}

impl Line {
    fn write(&self) -> Result<String, StorageError> {
        Ok(match self {
            Self::Session(record) => format!("session {}", hex(&BincodeCodec.encode(record).map_err(failed)?)),
            Self::Renewed(tombstone) => {
                let (to, at) = (hex(tombstone.to.as_bytes()), tombstone.at.as_millis());
                format!("renewed {to} {at} {}", hex(tombstone.sealed.as_bytes()))
            }
        })
    }

    /// `None` if it cannot be read: that is no session.
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        Some(match (parts.next()?, parts.next()?) {
            ("session", bytes) => Self::Session(BincodeCodec.decode(&unhex(bytes)?, &Limits::default()).ok()?),
            ("renewed", to) => {
                let at = Timestamp::from_millis(parts.next()?.parse().ok()?);
                let sealed = SealedId::from_bytes(&unhex(parts.next()?)?);
                Self::Renewed(Tombstone::new(key_in(to)?, at, sealed))
            }
            _ => return None,
        })
    }

    fn is_over(&self, now: Timestamp) -> bool {
        match self {
            Self::Session(record) => record.is_expired(now),
            Self::Renewed(tombstone) => tombstone.at + TOMBSTONE_LIFETIME <= now,
        }
    }
}

impl OneFile {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(Mutex::new(path))
    }

    /// Runs an operation on all lines, and writes them if it has changed any.
    fn with<T>(&self, run: impl FnOnce(&mut Lines) -> Result<(T, bool), StorageError>) -> Result<T, StorageError> {
        let path = self.0.lock();
        let text = match fs::read_to_string(&*path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text.map_err(failed)?,
        };
        let read = |line: &str| {
            let (key, rest) = line.split_once(' ')?;
            Some((key_in(key)?, Line::read(rest)?))
        };
        let mut lines: Lines = text.lines().filter_map(read).collect();
        let (answer, has_changed) = run(&mut lines)?;
        if has_changed {
            let mut text = String::new();
            for (key, line) in &lines {
                text += &format!("{} {}\n", hex(key.as_bytes()), line.write()?);
            }
            let new = path.with_extension("new");
            fs::write(&new, text).and_then(|()| fs::rename(&new, &*path)).map_err(failed)?;
        }
        Ok(answer)
    }
}

/// The line under a key, unless its time is over.
fn living<'a>(lines: &'a Lines, key: &StoreKey, access: &Access) -> Option<&'a Line> {
    lines.get(key).filter(|line| match line {
        Line::Session(record) => !access.has_ended(record, record.last_seen),
        Line::Renewed(_) => !line.is_over(access.now),
    })
}

impl Storage for OneFile {
    fn load(&self, key: &StoreKey, access: &Access) -> Result<Lookup, StorageError> {
        self.with(|lines| {
            let lookup = match living(lines, key, access) {
                Some(Line::Session(record)) => Lookup::Found(Snapshot::complete(record.clone())),
                Some(Line::Renewed(tombstone)) => Lookup::Renewed(tombstone.at),
                None => Lookup::Absent,
            };
            Ok((lookup, false))
        })
    }

    fn create(&self, key: &StoreKey, record: &Record, now: Timestamp) -> Result<Created, StorageError> {
        self.with(|lines| {
            if lines.get(key).is_some_and(|line| !line.is_over(now)) {
                return Ok((Created::Exists, false));
            }
            lines.insert(*key, Line::Session(record.clone()));
            Ok((Created::Done, true))
        })
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> Result<Committed, StorageError> {
        self.with(|lines| {
            let record = match living(lines, key, &commit.access) {
                Some(Line::Session(record)) => record,
                Some(Line::Renewed(tombstone)) => return Ok((Committed::Renewed(tombstone.at), false)),
                None => return Ok((Committed::Gone, false)),
            };
            Ok(match record.apply(commit).map_err(|limit| StorageError::limit(limit, "committing"))? {
                Applied::Changed(record) => {
                    let committed = Committed::done(&record, 0);
                    lines.insert(*key, Line::Session(record));
                    (committed, true)
                }
                Applied::Expired => (Committed::Gone, false),
                Applied::Conflict(current) => (Committed::Conflict(current), false),
            })
        })
    }

    fn move_to(&self, from: &StoreKey, to: &StoreKey, commit: &Commit) -> Result<Moved, StorageError> {
        self.with(|lines| {
            let record = match living(lines, from, &commit.access) {
                Some(Line::Session(record)) => record,
                Some(Line::Renewed(tombstone)) => return Ok((Moved::Renewed(tombstone.at), false)),
                None => return Ok((Moved::Gone, false)),
            };
            if lines.get(to).is_some_and(|line| !line.is_over(commit.access.now)) {
                return Ok((Moved::Taken, false));
            }
            let applied = record.apply(commit).map_err(|limit| StorageError::limit(limit, "renewing"))?;
            let Applied::Changed(record) = applied else { return Ok((Moved::Gone, false)) };
            let moved = Moved::done(&record, 0);
            lines.insert(*to, Line::Session(record));
            lines.insert(*from, Line::Renewed(Tombstone::new(*to, commit.access.now, commit.sealed.clone())));
            Ok((moved, true))
        })
    }

    fn tombstone(&self, key: &StoreKey, now: Timestamp) -> Result<Option<Tombstone>, StorageError> {
        self.with(|lines| {
            let tombstone = match lines.get(key) {
                Some(line @ Line::Renewed(tombstone)) if !line.is_over(now) => Some(tombstone.clone()),
                _ => None,
            };
            Ok((tombstone, false))
        })
    }

    fn remove(&self, key: &StoreKey) -> Result<Removed, StorageError> {
        self.with(|lines| {
            Ok(match lines.get(key) {
                Some(Line::Session(_)) => {
                    lines.remove(key);
                    (Removed::Done, true)
                }
                Some(Line::Renewed(tombstone)) => (Removed::Renewed(tombstone.to), false),
                None => (Removed::Absent, false),
            })
        })
    }

    fn find(&self, principal: &str, now: Timestamp) -> Result<Vec<Found>, StorageError> {
        self.with(|lines| {
            let is_theirs =
                |record: &&Record| record.principal.as_deref() == Some(principal) && !record.is_expired(now);
            let sessions = lines.iter().filter_map(|(key, line)| match line {
                Line::Session(record) => Some((key, record)),
                Line::Renewed(_) => None,
            });
            let theirs = sessions.filter(|(_, record)| is_theirs(record));
            Ok((theirs.map(|(key, record)| Found::new(*key, record.clone())).collect(), false))
        })
    }

    fn sweep(&self, now: Timestamp) -> Result<Swept, StorageError> {
        self.with(|lines| {
            let before = lines.len();
            lines.retain(|_, line| !line.is_over(now));
            let mut swept = Swept::default();
            (swept.removed, swept.kept) = ((before - lines.len()) as u64, lines.len() as u64);
            Ok((swept, true))
        })
    }

    fn count(&self, now: Timestamp) -> Result<u64, StorageError> {
        let is_session =
            |line: &&Line| !line.is_over(now) && matches!(line, Line::Session(record) if !record.is_list());
        self.with(|lines| Ok((lines.values().filter(is_session).count() as u64, false)))
    }
}
