//! Checks whether sessions can be stored.

use super::{
    database::Database,
    failure::Answered,
    store::Store,
    stored::Kind,
    values::{Arg, Step},
};
use crate::{KeyScheme, storage::unused_key::unused_key};

const CHECKING: &str = "checking the database";

impl<D: Database> Store<D> {
    /// Writes, reads and removes a row that counts as no session, because it has ended long ago.
    pub(super) async fn check(&self) -> Answered<()> {
        let operation = self.begin(CHECKING);
        self.verify(operation.deadline).await?;
        self.check_version(operation.deadline).await?;
        let key = unused_key(KeyScheme::Hashed)?;
        let number = Arg::Number(0);
        let args = vec![
            Arg::Bytes(key.as_bytes()),
            Arg::Number(Kind::Tombstone.number()),
            number,
            number,
            number,
            number,
            Arg::NumberOrNull(None),
            Arg::Flag(false),
            Arg::BytesOrNull(None),
            number,
            number,
            Arg::Bytes(&[]),
            Arg::Bytes(&[]),
            Arg::Bytes(key.as_bytes()),
            number,
        ];
        self.run(operation, &[Step::new(&self.statements.create, args)]).await?;
        self.read(operation, &Step::new(&self.statements.glance, vec![Arg::Bytes(key.as_bytes())])).await?;
        let args = vec![Arg::Bytes(key.as_bytes()), number];
        self.run(operation, &[Step::new(&self.statements.clear, args)]).await?;
        Ok(())
    }
}
