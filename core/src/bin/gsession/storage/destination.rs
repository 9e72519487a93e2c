//! The storage to which sessions move, for `gsession move` and for what is done meanwhile.

use std::path::PathBuf;

use clap::Args;
use clap::error::ErrorKind;
use gsession::{AnyStorage, KeyScheme, MovingStorage, Realm};

use super::options::{Layout, StorageOptions};
use crate::failure::{Failure, usage};

#[derive(Args)]
#[command(next_help_heading = "While sessions move")]
pub(crate) struct Destination {
    /// Where the sessions move to: a URL as for --storage. For Sentinels or a cluster, give it once for each server.
    #[arg(long, value_name = "URL")]
    to: Vec<String>,

    /// The format of the sessions there [default: strings].
    #[arg(long, requires = "to", value_enum, value_name = "LAYOUT")]
    to_layout: Option<Layout>,

    /// What the keys begin with there [default: `gsession:`].
    #[arg(long, requires = "to", value_name = "PREFIX")]
    to_prefix: Option<String>,

    /// What the names of the tables begin with there [default: `gsession_`].
    #[arg(long, requires = "to", value_name = "PREFIX")]
    to_table_prefix: Option<String>,

    /// The schema of the tables there [default: the first of the user's `search_path`].
    #[arg(long, requires = "to", value_name = "NAME")]
    to_schema: Option<String>,

    /// The servers there are Sentinels: the name of the service that they watch.
    #[arg(long, requires = "to", value_name = "NAME", conflicts_with = "to_cluster")]
    to_sentinel: Option<String>,

    /// The servers there belong to a cluster.
    #[arg(long, requires = "to")]
    to_cluster: bool,

    /// The user to log in there as, if the URL does not say.
    #[arg(long, requires = "to", value_name = "NAME")]
    to_username: Option<String>,

    /// A file whose first line is the password there. The environment variable GSESSION_TO_PASSWORD can hold it instead.
    #[arg(long, requires = "to", value_name = "PATH")]
    to_password_file: Option<PathBuf>,

    /// From GoFrame's formats: the realm of the services that will use the new storage, which is the name of their cookie or header.
    #[arg(long, requires = "to")]
    realm: Option<String>,
}

impl Destination {
    /// Opens both storages.
    pub(crate) fn moving(&self, from: &StorageOptions) -> Result<MovingStorage, Failure> {
        let (old, new) = (from.open()?, self.open(from)?);
        let realm = self.realm.as_deref().map(Realm::new);
        if old.key_scheme() == KeyScheme::RawIds {
            return Ok(MovingStorage::from_goframe(old, new, realm)?);
        }
        if realm.is_some() {
            let message = "--realm is for GoFrame's formats: other storages have the realm in their keys";
            return Err(usage(ErrorKind::InvalidValue, message).into());
        }
        Ok(MovingStorage::new(old, new)?)
    }

    /// Opens it. What has no option here is as for the storage that the sessions come from.
    fn open(&self, from: &StorageOptions) -> Result<AnyStorage, Failure> {
        let options = StorageOptions {
            storage: self.to.clone(),
            layout: self.to_layout,
            prefix: self.to_prefix.clone(),
            table_prefix: self.to_table_prefix.clone(),
            schema: self.to_schema.clone(),
            sentinel: self.to_sentinel.clone(),
            cluster: self.to_cluster,
            username: self.to_username.clone(),
            password_file: self.to_password_file.clone(),
            database: None,
            root_certificate: from.root_certificate.clone(),
            client_certificate: from.client_certificate.clone(),
            client_key: from.client_key.clone(),
            server_tls: from.server_tls,
            timeout: from.timeout,
            password_variable: "GSESSION_TO_PASSWORD",
            typed: Vec::new(),
        };
        options.open()
    }
}
