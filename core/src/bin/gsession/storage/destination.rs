//! The storage to which sessions move.

use std::path::PathBuf;

use clap::Args;
use gsession::AnyStorage;

use super::{Layout, StorageOptions};
use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct Destination {
    /// Where the sessions go: a URL as for --storage. For Sentinels or a cluster, give it once for each server.
    #[arg(long, value_name = "URL", required = true)]
    to: Vec<String>,

    /// The format of the sessions there [default: strings].
    #[arg(long, value_enum, value_name = "LAYOUT")]
    to_layout: Option<Layout>,

    /// What the keys begin with there [default: `gsession:`].
    #[arg(long, value_name = "PREFIX")]
    to_prefix: Option<String>,

    /// What the names of the tables begin with there [default: `gsession_`].
    #[arg(long, value_name = "PREFIX")]
    to_table_prefix: Option<String>,

    /// The schema of the tables there [default: the first of the user's `search_path`].
    #[arg(long, value_name = "NAME")]
    to_schema: Option<String>,

    /// The servers there are Sentinels: the name of the service that they watch.
    #[arg(long, value_name = "NAME", conflicts_with = "to_cluster")]
    to_sentinel: Option<String>,

    /// The servers there belong to a cluster.
    #[arg(long)]
    to_cluster: bool,

    /// The user to log in there as, if the URL does not say.
    #[arg(long, value_name = "NAME")]
    to_username: Option<String>,

    /// A file whose first line is the password there. The environment variable GSESSION_TO_PASSWORD can hold it instead.
    #[arg(long, value_name = "PATH")]
    to_password_file: Option<PathBuf>,
}

impl Destination {
    /// Opens it. What has no option here is as for the storage that the sessions come from.
    pub(crate) fn open(&self, from: &StorageOptions) -> Result<AnyStorage, Failure> {
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
