//! Listing a user's sessions, counting, and removing what has ended.

use super::{
    database::Database,
    failure::{Answered, Failure},
    scan::read_key,
    store::Store,
    stored::{FullRow, Kind, hash_of},
    times::stored,
    values::{Arg, Row, Step},
};
use crate::{StoreKey, Timestamp, storage::Found};

const LISTING: &str = "listing the sessions of a user in the database";
const COUNTING: &str = "counting the sessions in the database";
const SWEEPING: &str = "removing ended sessions from the database";

/// The rows that a statement of a sweep removes: few, so that it holds up nobody for long.
const BATCH: i64 = 500;
/// The rows that a statement looks at to count them.
const COUNTED: i64 = 10_000;

impl<D: Database> Store<D> {
    /// Up to `most` living sessions of a principal with keys after this one, in the order of their keys.
    pub(super) async fn find(
        &self,
        principal: &str,
        after: Option<StoreKey>,
        most: usize,
        now: Timestamp,
    ) -> Answered<Vec<Found>> {
        let operation = self.begin(LISTING);
        let hash = hash_of(principal);
        let mut found = Vec::new();
        // Unreadable rows count for nothing, so it may take another look.
        let mut after = after;
        loop {
            let wanted = most - found.len();
            let limit = i64::try_from(wanted).unwrap_or(i64::MAX);
            let after_bytes = after.as_ref().map(|after| after.as_bytes().as_slice()).unwrap_or_default();
            let args = vec![Arg::Bytes(&hash), Arg::Bytes(after_bytes), Arg::Number(stored(now)), Arg::Number(limit)];
            let rows = self.read(operation, &Step::new(&self.statements.find, args)).await?;
            let is_last = rows.len() < wanted;
            for mut row in rows {
                let (key, whole) = read_found(&mut row).map_err(|failure| failure.while_doing(LISTING))?;
                after = Some(key);
                if let Some(record) = self.content.readable(&key, whole)
                    && record.principal.as_deref() == Some(principal)
                {
                    found.push(Found::new(key, record));
                }
            }
            if is_last || found.len() >= most {
                return Ok(found);
            }
        }
    }

    /// Sessions that live.
    pub(super) async fn count(&self, now: Timestamp) -> Answered<u64> {
        self.count_up_to(Kind::Session, now).await
    }

    /// All that a sweep leaves: sessions, lists and tombstones.
    pub(super) async fn count_rest(&self, now: Timestamp) -> Answered<u64> {
        self.count_up_to(Kind::Tombstone, now).await
    }

    /// Counts page by page, so that no statement takes long, however many sessions there are.
    async fn count_up_to(&self, last: Kind, now: Timestamp) -> Answered<u64> {
        let (mut total, mut after) = (0, Vec::new());
        loop {
            let args =
                vec![Arg::Bytes(&after), Arg::Number(COUNTED), Arg::Number(last.number()), Arg::Number(stored(now))];
            let rows = self.read(self.begin(COUNTING), &Step::new(&self.statements.count, args)).await?;
            let row = rows.into_iter().next().ok_or(Failure::Malformed);
            let (living, seen, key) =
                row.and_then(|mut row| read_count(&mut row)).map_err(|failure| failure.while_doing(COUNTING))?;
            total += living;
            match key {
                Some(key) if seen >= COUNTED => after = key,
                _ => return Ok(total),
            }
        }
    }

    /// Removes what has ended, and tells of each session. Returns how many rows that were.
    pub(super) async fn sweep(&self, now: Timestamp, ended: impl Fn(StoreKey, bool) + Send) -> Answered<u64> {
        let mut total = 0;
        loop {
            let args = vec![Arg::Number(stored(now)), Arg::Number(BATCH)];
            let rows = self.run(self.begin(SWEEPING), &[Step::new(&self.statements.sweep, args)]).await?;
            let removed = i64::try_from(rows.len()).unwrap_or(i64::MAX);
            for mut row in rows {
                let (key, kind) = read_swept(&mut row).map_err(|failure| failure.while_doing(SWEEPING))?;
                ended(key, kind == Kind::Session.number());
                total += 1;
            }
            if removed < BATCH {
                return Ok(total);
            }
        }
    }
}

fn read_found(row: &mut Row) -> Result<(StoreKey, FullRow), Failure> {
    Ok((read_key(row)?, FullRow::read(row)?))
}

/// How many rows of a page count, how many it has, and its last key.
fn read_count(row: &mut Row) -> Result<(u64, i64, Option<Vec<u8>>), Failure> {
    Ok((row.number()?.unsigned_abs(), row.number()?, row.bytes_or_null()?))
}

fn read_swept(row: &mut Row) -> Result<(StoreKey, i64), Failure> {
    Ok((read_key(row)?, row.number()?))
}
