//! The command line.

use clap::{Args, CommandFactory as _, FromArgMatches as _, Id, Parser, Subcommand, parser::ValueSource};

use crate::storage::{Destination, SealingOptions, StorageOptions};

/// Looks after the sessions that services keep with gsession: counts, lists, ends and moves them, and checks, sweeps and migrates their
/// storage.
///
/// It never prints an id, so nothing that it prints opens a session. Entries of sessions are shown only by `show --values`.
#[derive(Parser)]
#[command(
    name = "gsession",
    version,
    after_help = "\
Examples:
  gsession --storage file:/var/lib/shop/sessions count
  export GSESSION_STORAGE=redis://sessions@10.0.0.5/0 GSESSION_PASSWORD=…
  gsession list ada
  gsession end-all ada --yes

Exit status: 0 if it is done, 1 if something was not found, is not ready or has failed, 2 if the command line is wrong, 130 \
after Ctrl-C."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Print JSON instead of tables. Times are in RFC 3339, or null for never.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) storage: StorageOptions,

    #[command(flatten)]
    pub(crate) sealing: SealingOptions,
}

impl Cli {
    /// Reads the command line, or ends the program with what is wrong with it.
    pub(crate) fn read() -> Self {
        let matches = Self::command().get_matches();
        let mut cli =
            Self::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut Self::command()).exit());
        let is_typed = |id: &&Id| matches.value_source(id.as_str()) == Some(ValueSource::CommandLine);
        cli.storage.typed = matches.ids().filter(is_typed).cloned().collect();
        cli
    }
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Count the live sessions.
    ///
    /// Looks at every session, which takes a while if there are millions. Requests are not held up meanwhile.
    #[command(after_help = "\
Example:
  gsession count

With --json: {\"sessions\":1204}")]
    Count {
        #[command(flatten)]
        to: Option<Destination>,
    },

    /// List the live sessions of a principal, or those with a tag.
    ///
    /// The keys are what `show` and `end` take. Most recently used first.
    #[command(after_help = "\
Examples:
  gsession list ada
  gsession list --tag 08a5019c-17e1-4977
  gsession list ada --json | jq --raw-output .key

With --json, a line for each session: {\"key\":…,\"principal\":…,\"label\":…,\"tag\":…,\"created_at\":…,\"last_seen\":…,\
\"expires_at\":…,\"absolute_deadline\":…,\"authenticated_at\":…,\"is_remembered\":…,\"address\":…}")]
    List {
        #[command(flatten)]
        whose: Whose,

        #[command(flatten)]
        to: Option<Destination>,
    },

    /// Show a session: its times, its user, and the keys and sizes of its entries.
    ///
    /// If the session was renewed since it was listed, the renewed one is shown.
    #[command(after_help = "\
Examples:
  gsession show 3f8a…
  gsession show 3f8a… --values

With --json: the object of `list`, with \"entries\":[{\"key\":…,\"bytes\":…}], and a \"value\" in each with --values. An entry that \
is not JSON has \"damaged\":true.")]
    Show {
        #[command(flatten)]
        key: Key,

        /// Show the values of the entries, too. They may be secret.
        #[arg(long)]
        values: bool,

        #[command(flatten)]
        to: Option<Destination>,
    },

    /// End a session, even if it was renewed since it was listed.
    #[command(after_help = "\
Example:
  gsession end 3f8a…

With --json: {\"ended\":1}")]
    End {
        #[command(flatten)]
        key: Key,

        #[command(flatten)]
        to: Option<Destination>,
    },

    /// End all sessions of a principal, for example because their password was stolen.
    #[command(after_help = "\
Example:
  gsession end-all ada

With --json: {\"ended\":3}")]
    EndAll {
        /// Whose sessions: what the application has given to `log_in` or `set_principal`.
        principal: String,

        #[command(flatten)]
        confirmation: Confirmation,

        #[command(flatten)]
        to: Option<Destination>,
    },

    /// End all sessions whose logins had a tag, such as the `sid` of a provider (OpenID Connect).
    #[command(after_help = "\
Example:
  gsession end-tagged 08a5019c-17e1-4977 --yes

With --json: {\"ended\":1}")]
    EndTagged {
        /// The tag that the application has given to `Login::tag`.
        tag: String,

        #[command(flatten)]
        confirmation: Confirmation,

        #[command(flatten)]
        to: Option<Destination>,
    },

    /// Find out whether sessions can be stored and read.
    ///
    /// In a folder, makes a small file, reads it and removes it; a sub-folder that was missing stays. In Redis, asks each primary what it
    /// is, and writes and removes a key under the prefix. In Postgres and SQLite, checks the version of the tables, and writes and
    /// removes a row.
    #[command(after_help = "\
Example:
  gsession check || echo 'no logins today'

With --json: {\"ready\":true}, or {\"ready\":false,\"reason\":…}")]
    Check,

    /// Move all sessions to another storage, while services use them.
    ///
    /// The services must use both storages (`MovingStorage`), or be stopped. A session that is used meanwhile is moved by its service.
    /// If it is interrupted, run it again: what has moved is not moved again. Meanwhile, `count`, `list`, `show` and `end` need the
    /// same options, so that they look into both storages.
    #[command(after_help = "\
Examples:
  gsession --storage file:/var/lib/shop/sessions move --to redis://10.0.0.5/0
  gsession --storage redis://10.0.0.5/0 --layout goframe-strings move --to redis://10.0.0.5/0 --realm __Host-Http-gsession

With --json: {\"moved\":1201,\"there\":0,\"gone\":3,\"refused\":0,\"lists\":2}. A list is one of gsession's own, such as that of a \
tag, and no session.", mut_arg("to", |to| to.required(true)))]
    Move(Destination),

    /// Remove what has expired, and nothing else.
    ///
    /// Services do this themselves every few minutes for files and databases, and Redis does it for its own keys.
    #[command(after_help = "\
Example:
  gsession sweep

With --json: {\"removed\":3,\"kept\":1204,\"foreign\":0}. What is kept includes the traces of renewals; what is foreign is not a \
session, or cannot be read, and stays.")]
    Sweep,

    /// Make the tables of a storage in Postgres or SQLite, or bring those of an older version to this one.
    ///
    /// Sessions are kept. Tables that are up to date are left alone, so that it may run before each start of a service. The user of the
    /// database must be allowed to create tables; services need no such right afterwards.
    #[command(after_help = "\
Examples:
  gsession migrate postgres://admin@10.0.0.5/shop
  gsession --storage sqlite:/var/lib/shop/sessions.db migrate

With --json: {\"up_to_date\":true}")]
    Migrate {
        /// Where the tables are, instead of --storage.
        url: Option<String>,
    },

    /// Seal all sessions with the first key that older keys have sealed, so that these can be given up.
    ///
    /// Services go on meanwhile. If it is interrupted, run it again: what is done is left out. With --admit-unsealed, it also seals
    /// sessions that are not sealed yet.
    #[command(after_help = "\
Example:
  gsession rekey --seal-with new-key --older-key old-key

With --json: {\"rekeyed\":1204,\"already\":7,\"gone\":1,\"unopened\":0}. If some cannot be opened with these keys, the exit status is 1.")]
    Rekey,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Whose {
    /// Whose sessions: what the application has given to `log_in` or `set_principal`.
    pub(crate) principal: Option<String>,

    /// The tag of their logins instead: what the application has given to `Login::tag`.
    #[arg(long)]
    pub(crate) tag: Option<String>,
}

#[derive(Args)]
pub(crate) struct Key {
    /// The key of the session: 64 digits, as `list` prints them. With GoFrame's formats, its id. `-` reads it from standard input,
    /// which keeps an id out of the list of processes.
    #[arg(value_name = "KEY", allow_hyphen_values = true)]
    pub(crate) text: String,
}

#[derive(Args)]
pub(crate) struct Confirmation {
    /// Do not ask.
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
