//! `gsession migrate`.

use serde::Serialize;

use crate::{
    failure::Failure,
    output::{Output, patiently},
    storage::StorageOptions,
};

#[derive(Serialize)]
struct Migrated {
    up_to_date: bool,
}

pub(super) async fn migrate(storage: &StorageOptions, json: bool) -> Result<(), Failure> {
    let tables = storage.tables()?;
    patiently("making the tables", tables.migrate()).await?;
    let mut output = Output::new();
    if json {
        output.json(&Migrated { up_to_date: true })?;
    } else {
        output.line("the tables are up to date")?;
    }
    output.finish()
}
