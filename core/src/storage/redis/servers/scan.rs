//! Iterating over all keys of a prefix, on every primary.

use std::sync::Arc;

use redis::{Pipeline, Value};

use super::{Servers, malformed, scan_place::Place};
use crate::storage::{
    ScanCursor,
    redis::{
        connection::Node,
        errors::{Answered, Failure},
    },
};

/// Keys read in one step, which takes the server well under a millisecond.
const STEP: usize = 500;

/// Names every key of the prefix, at least once.
pub(crate) struct Scan<'a> {
    servers: &'a Servers,
    operation: &'static str,
    pattern: String,
    /// What the values are, if only those of one type are wanted.
    of_type: Option<&'static str>,
    /// The nodes that are left, the next one last.
    nodes: Vec<Arc<Node>>,
    /// Where the scan of that node is.
    cursor: Vec<u8>,
    /// If this is a page of a longer scan: which scan.
    place: Option<Place>,
}

/// An answer to `SCAN`.
struct Step {
    cursor: Vec<u8>,
    names: Vec<Vec<u8>>,
    /// Which process has answered, if that was asked and may be known.
    process: Option<String>,
}

impl<'a> Scan<'a> {
    pub(crate) async fn begin(
        servers: &'a Servers,
        operation: &'static str,
        prefix: &str,
        of_type: Option<&'static str>,
    ) -> Answered<Self> {
        let nodes = servers.primaries().await.map_err(|failure| failure.while_doing(operation))?;
        Ok(Self { servers, operation, pattern: pattern(prefix), of_type, nodes, cursor: b"0".to_vec(), place: None })
    }

    /// The same, from where a page has ended. It begins again if the primaries are others than then, and with a primary that was
    /// restarted: its cursors mean something else.
    pub(crate) async fn resume(
        servers: &'a Servers,
        operation: &'static str,
        prefix: &str,
        of_type: Option<&'static str>,
        after: Option<&ScanCursor>,
    ) -> Answered<Self> {
        let after = after.map(Place::parse).transpose()?;
        let mut scan = Self::begin(servers, operation, prefix, of_type).await?;
        scan.nodes.sort_unstable_by(|a, b| b.name().cmp(a.name()));
        let begins = Place::first(scan.nodes.iter().map(|node| node.name()));
        let place = after.filter(|after| after.nodes == begins.nodes).unwrap_or(begins);
        scan.nodes.truncate(scan.nodes.len().saturating_sub(place.done));
        scan.cursor.clone_from(&place.cursor);
        Ok(Self { place: Some(place), ..scan })
    }

    /// Where to [resume](Self::resume) after the last step; `None` at the end.
    pub(crate) fn cursor(&self) -> Answered<Option<ScanCursor>> {
        match &self.place {
            Some(place) if !self.nodes.is_empty() => place.cursor().map(Some),
            _ => Ok(None),
        }
    }

    /// The next keys, which may be none, and the node that has them; `None` at the end.
    pub(crate) async fn next(&mut self) -> Answered<Option<(Arc<Node>, Vec<Vec<u8>>)>> {
        let Some(node) = self.nodes.last().map(Arc::clone) else { return Ok(None) };
        let mut step = self.step(&node).await?;
        if let Some(place) = &self.place
            && place.process != step.process
            && self.cursor != b"0"
        {
            self.cursor = b"0".to_vec();
            step = self.step(&node).await?;
        }
        let is_done = step.cursor == b"0";
        if is_done {
            self.nodes.pop();
        }
        self.cursor.clone_from(&step.cursor);
        if let Some(place) = &mut self.place {
            place.done += usize::from(is_done);
            place.process = step.process.filter(|_| !is_done);
            place.cursor = step.cursor;
        }
        Ok(Some((node, step.names)))
    }

    async fn step(&self, node: &Arc<Node>) -> Answered<Step> {
        let mut commands = Pipeline::with_capacity(2);
        commands.cmd("SCAN").arg(&self.cursor).arg("MATCH").arg(&self.pattern).arg("COUNT").arg(STEP);
        if let Some(of_type) = self.of_type {
            commands.arg("TYPE").arg(of_type);
        }
        if self.place.is_some() {
            // A login that may not ask this gets an error as the answer, and no protection against restarts.
            commands.cmd("INFO").arg("server");
            commands.ignore_errors();
        }
        let failed = |failure: Failure| failure.while_doing(self.operation);
        let mut answers = self.servers.ask_node(node, &commands).await.map_err(failed)?.into_iter();
        let (cursor, names) = match answers.next() {
            Some(Value::ServerError(error)) => return Err(failed(Failure::refused(node.name(), &error.into()))),
            answer => answer.and_then(scanned).ok_or_else(|| malformed(self.operation))?,
        };
        Ok(Step { cursor, names, process: answers.next().as_ref().and_then(process_of) })
    }
}

/// The id that a server gives itself when it starts, in an answer to `INFO server`.
fn process_of(answer: &Value) -> Option<String> {
    let text = match answer {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok()?,
        Value::VerbatimString { text, .. } => text,
        _ => return None,
    };
    let id = text.lines().find_map(|line| line.strip_prefix("run_id:"))?;
    Some(id.chars().filter(char::is_ascii_alphanumeric).take(64).collect())
}

/// A `SCAN` pattern that matches the keys with a prefix.
fn pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for letter in prefix.chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('*');
    pattern
}

/// The next cursor and the keys in an answer to `SCAN`.
fn scanned(answer: Value) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let Value::Array(parts) = answer else { return None };
    let mut parts = parts.into_iter();
    match (parts.next()?, parts.next()?) {
        (Value::BulkString(cursor), Value::Array(names)) => {
            let name = |value| if let Value::BulkString(name) = value { Some(name) } else { None };
            Some((cursor, names.into_iter().map(name).collect::<Option<_>>()?))
        }
        _ => None,
    }
}
