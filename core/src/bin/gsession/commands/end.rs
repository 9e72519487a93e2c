//! `gsession end`, `gsession end-all` and `gsession end-tagged`.

use std::io::{IsTerminal as _, Write as _, stderr, stdin};

use clap::error::ErrorKind;
use serde::Serialize;

use super::{Context, list, show};
use crate::{
    cli::{Confirmation, Key},
    failure::{Failure, usage},
    output::{clean, patiently},
};

#[derive(Serialize)]
struct Ended {
    ended: u64,
}

pub(super) async fn one(context: Context, key: &Key) -> Result<(), Failure> {
    let key = context.key(key)?;
    let is_ended = patiently("ending the session", context.manager.destroy(key)).await?;
    tell(context, u64::from(is_ended), show::NONE)
}

pub(super) async fn all(context: Context, principal: &str, confirmation: &Confirmation) -> Result<(), Failure> {
    if !confirmation.yes {
        require_terminal()?;
        let sessions = patiently("listing the sessions", context.manager.sessions_of(principal)).await?.len();
        if sessions == 0 {
            return tell(context, 0, list::NONE);
        }
        confirm(format!("End {} of {}?", counted(sessions as u64), clean(principal))).await?;
    }
    let ended = patiently("ending the sessions", context.manager.destroy_all_of(principal, None)).await?;
    tell(context, ended, list::NONE)
}

pub(super) async fn tagged(context: Context, tag: &str, confirmation: &Confirmation) -> Result<(), Failure> {
    if !confirmation.yes {
        require_terminal()?;
        let sessions = patiently("listing the sessions", context.manager.sessions_tagged(tag)).await?.len();
        if sessions == 0 {
            return tell(context, 0, list::NONE_TAGGED);
        }
        confirm(format!("End {} with this tag?", counted(sessions as u64))).await?;
    }
    let ended = patiently("ending the sessions", context.manager.destroy_all_tagged(tag)).await?;
    tell(context, ended, list::NONE_TAGGED)
}

/// Says how many have ended. None is a failure.
fn tell(context: Context, ended: u64, none: &'static str) -> Result<(), Failure> {
    let Context { mut output, json, .. } = context;
    let said = match (json, ended) {
        (true, _) => output.json(&Ended { ended }),
        (false, 0) => Ok(()),
        (false, _) => output.line(&format!("{} ended", counted(ended))),
    };
    let said = said.and_then(|()| output.finish());
    // That there was none is a failure whether or not somebody reads the output.
    if ended == 0 { Err(Failure::NotFound(none)) } else { said }
}

fn counted(sessions: u64) -> String {
    if sessions == 1 { "1 session".to_owned() } else { format!("{sessions} sessions") }
}

/// A script must say `--yes`: there is nobody to ask.
fn require_terminal() -> Result<(), Failure> {
    if stdin().is_terminal() {
        return Ok(());
    }
    let message = "nobody can be asked whether to end the sessions, because standard input is no terminal: add --yes";
    Err(usage(ErrorKind::MissingRequiredArgument, message).into())
}

/// Asks, and waits for the answer in another thread, so that Ctrl-C is noticed.
async fn confirm(question: String) -> Result<(), Failure> {
    let ask = move || {
        let mut out = stderr().lock();
        write!(out, "{question} [y/N] ").and_then(|()| out.flush()).map_err(Failure::Input)?;
        let mut answer = String::new();
        stdin().read_line(&mut answer).map_err(Failure::Input)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    };
    let is_confirmed: Result<bool, Failure> =
        tokio::task::spawn_blocking(ask).await.map_err(|error| Failure::Input(error.into()))?;
    if is_confirmed? { Ok(()) } else { Err(Failure::NotConfirmed) }
}
