//! The storage to which sessions move.

use std::path::PathBuf;

use clap::Args;
use gsession::AnyStorage;

use super::{Layout, StorageOptions};
use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct Destination {
    /// Where the sessions go: a URL as for --storage. For Sentinels or a cluster, give it once for each server.
    #[arg(long = "to", value_name = "URL", required = true)]
    urls: Vec<String>,

    /// The format of the sessions there [default: strings].
    #[arg(long = "to-layout", value_enum, value_name = "LAYOUT")]
    layout: Option<Layout>,

    /// What the keys begin with there [default: `gsession:`].
    #[arg(long = "to-prefix", value_name = "PREFIX")]
    prefix: Option<String>,

    /// The servers there are Sentinels: the name of the service that they watch.
    #[arg(long = "to-sentinel", value_name = "NAME", conflicts_with = "is_cluster")]
    sentinel: Option<String>,

    /// The servers there belong to a cluster.
    #[arg(long = "to-cluster", id = "is_cluster")]
    is_cluster: bool,

    /// The user to log in there as, if the URL does not say.
    #[arg(long = "to-username", value_name = "NAME")]
    username: Option<String>,

    /// A file whose first line is the password there. The environment variable GSESSION_TO_PASSWORD can hold it instead.
    #[arg(long = "to-password-file", value_name = "PATH")]
    password_file: Option<PathBuf>,
}

impl Destination {
    /// Opens it. What has no option here is as for the storage that the sessions come from.
    pub(crate) fn open(&self, from: &StorageOptions) -> Result<AnyStorage, Failure> {
        let options = StorageOptions {
            storage: self.urls.clone(),
            layout: self.layout,
            prefix: self.prefix.clone(),
            sentinel: self.sentinel.clone(),
            cluster: self.is_cluster,
            username: self.username.clone(),
            password_file: self.password_file.clone(),
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
