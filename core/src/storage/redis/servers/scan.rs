//! Iterating over all keys of a prefix, on every primary.

use std::sync::Arc;

use redis::{Pipeline, Value};

use super::{Servers, malformed};
use crate::storage::redis::{
    connection::Node,
    errors::{Answered, Failure},
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
}

impl<'a> Scan<'a> {
    pub(crate) async fn begin(
        servers: &'a Servers,
        operation: &'static str,
        prefix: &str,
        of_type: Option<&'static str>,
    ) -> Answered<Self> {
        let nodes = servers.primaries().await.map_err(|failure| failure.while_doing(operation))?;
        Ok(Self { servers, operation, pattern: pattern(prefix), of_type, nodes, cursor: b"0".to_vec() })
    }

    /// The next keys, which may be none, and the node that has them; `None` at the end.
    pub(crate) async fn next(&mut self) -> Answered<Option<(Arc<Node>, Vec<Vec<u8>>)>> {
        let Some(node) = self.nodes.last().map(Arc::clone) else { return Ok(None) };
        let mut scan = Pipeline::with_capacity(1);
        scan.cmd("SCAN").arg(&self.cursor).arg("MATCH").arg(&self.pattern).arg("COUNT").arg(STEP);
        if let Some(of_type) = self.of_type {
            scan.arg("TYPE").arg(of_type);
        }
        let failed = |failure: Failure| failure.while_doing(self.operation);
        let answer = self.servers.ask_node(&node, &scan).await.map_err(failed)?;
        let (cursor, names) = scanned(answer).ok_or_else(|| malformed(self.operation))?;
        if cursor == b"0" {
            self.nodes.pop();
        }
        self.cursor = cursor;
        Ok(Some((node, names)))
    }
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
fn scanned(answers: Vec<Value>) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let Some(Value::Array(parts)) = answers.into_iter().next() else { return None };
    let mut parts = parts.into_iter();
    match (parts.next()?, parts.next()?) {
        (Value::BulkString(cursor), Value::Array(names)) => {
            let name = |value| if let Value::BulkString(name) = value { Some(name) } else { None };
            Some((cursor, names.into_iter().map(name).collect::<Option<_>>()?))
        }
        _ => None,
    }
}
