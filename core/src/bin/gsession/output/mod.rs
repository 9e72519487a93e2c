//! What is printed: tables and JSON on standard output, and on standard error who waits.

mod session;
mod table;
mod text;
mod time;
mod waiting;

use std::io::{BufWriter, StdoutLock, Write as _, stdout};

use serde::Serialize;

pub(crate) use self::{
    session::{Detailed, Entry, Listed, value},
    table::{pairs, table},
    text::{clean, cut},
    time::{Moment, both, relative},
    waiting::{Progress, patiently},
};
use crate::failure::Failure;

/// Standard output.
pub(crate) struct Output(BufWriter<StdoutLock<'static>>);

impl Output {
    pub(crate) fn new() -> Self {
        Self(BufWriter::new(stdout().lock()))
    }

    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.0, "{text}").map_err(Failure::Output)
    }

    /// A value in one line of JSON.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value)?;
        self.line(&text)
    }

    /// Writes what is left. Without this, an error at the end would go unnoticed.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.0.flush().map_err(Failure::Output)
    }
}
