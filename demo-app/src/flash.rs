//! Messages that the next page shows once.

use gsession_actix::Session;
use serde::{Deserialize, Serialize};

use crate::error::PageError;

const KEY: &str = "flash";

/// A message and its tone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Flash {
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

/// How a message looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tone {
    Good,
    Bad,
}

impl Flash {
    /// An error message.
    pub(crate) fn bad(text: &str) -> Self {
        Self { tone: Tone::Bad, text: text.to_owned() }
    }

    /// The style class of the message.
    pub(crate) const fn class(&self) -> &'static str {
        match self.tone {
            Tone::Good => "good",
            Tone::Bad => "bad",
        }
    }
}

/// Sets a success message for the next page.
pub(crate) fn good(session: &Session, text: &str) -> Result<(), PageError> {
    Ok(session.set(KEY, &Flash { tone: Tone::Good, text: text.to_owned() })?)
}

/// Sets an error message for the next page.
pub(crate) fn bad(session: &Session, text: &str) -> Result<(), PageError> {
    Ok(session.set(KEY, &Flash::bad(text))?)
}

/// Takes the message out of the session.
pub(crate) async fn take(session: &Session) -> Result<Option<Flash>, PageError> {
    Ok(session.take(KEY).await?)
}
