//! Listing all sessions, page by page.

use super::{
    database::Database,
    failure::{Answered, Failure},
    store::Store,
    times::stored,
    values::{Arg, Row, Step},
};
use crate::{
    StoreKey, Timestamp,
    storage::{ScanCursor, Scanned},
};

const SCANNING: &str = "listing all sessions in the database";

/// The rows of a page.
const PAGE: usize = 500;

impl<D: Database> Store<D> {
    /// In the order of the keys. A session that is renewed leaves its tombstone under its old key, so it is found there although its new
    /// key may be one that a page has passed.
    pub(super) async fn scan(&self, after: Option<&ScanCursor>, now: Timestamp) -> Answered<Scanned> {
        let place = |cursor: &ScanCursor| StoreKey::parse(cursor.as_str()).ok_or_else(ScanCursor::not_mine);
        let after = after.map(place).transpose()?;
        let after = after.as_ref().map(|key| key.as_bytes().as_slice()).unwrap_or_default();
        let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let args = vec![Arg::Bytes(after), Arg::Number(stored(now)), Arg::Number(limit)];
        let rows = self.read(self.begin(SCANNING), &Step::new(&self.statements.scan, args)).await?;
        let is_last = rows.len() < PAGE;
        let (mut keys, mut last) = (Vec::with_capacity(rows.len()), None);
        for mut row in rows {
            let read = |row: &mut Row| read_key(row).map_err(|failure| failure.while_doing(SCANNING));
            last = Some(read(&mut row)?);
            keys.push(read(&mut row)?);
        }
        let last = last.filter(|_| !is_last).map(|key| key.to_string().parse());
        Ok(Scanned::new(keys, last.transpose().map_err(|_| ScanCursor::not_mine())?))
    }
}

/// The key that comes next in a row.
pub(super) fn read_key(row: &mut Row) -> Result<StoreKey, Failure> {
    let key: [u8; 32] = row.bytes()?.try_into().map_err(|_| Failure::Malformed)?;
    Ok(StoreKey::from_bytes(key))
}
