//! Checks whether sessions can be stored.

use std::time::Duration;

use super::{
    database::Database,
    failure::Answered,
    new_row::NewRow,
    store::Store,
    stored::Kind,
    values::{Arg, Step},
};
use crate::{KeyScheme, Record, Timestamp, storage::unused_key::unused_key};

const CHECKING: &str = "checking the database";

impl<D: Database> Store<D> {
    /// Writes, reads and removes a row that counts as no session, because it has ended long ago.
    pub(super) async fn check(&self) -> Answered<()> {
        let operation = self.begin(CHECKING);
        self.verify(operation.deadline).await?;
        self.check_version(operation.deadline).await?;
        let key = unused_key(KeyScheme::Hashed)?;
        let ended = Record::new(Timestamp::default(), Duration::ZERO, None);
        let row = NewRow {
            key: &key,
            kind: Kind::Tombstone,
            revision: 0,
            record: &ended,
            principal: None,
            content: &[],
            moved_to: Some(&key),
        };
        let args = row.args(Timestamp::default());
        self.run(operation, &[Step::new(&self.statements.create, args)]).await?;
        self.read(operation, &Step::new(&self.statements.read_header, vec![Arg::Bytes(key.as_bytes())])).await?;
        let args = vec![Arg::Bytes(key.as_bytes()), Arg::Number(0)];
        self.run(operation, &[Step::new(&self.statements.clear, args)]).await?;
        Ok(())
    }
}
