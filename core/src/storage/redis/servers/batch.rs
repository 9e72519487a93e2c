//! Many requests at once.

use std::sync::Arc;

use redis::{Pipeline, Value};

use super::{
    request::{Effect, Knows, Request},
    routing::Servers,
};
use crate::storage::redis::errors::{Answered, Failure};

/// Requests in one pipeline, so that its answers stay small.
const STEP: usize = 500;

impl Servers {
    /// Sends requests in as few round trips as there are nodes that have their keys, and [steps](STEP). None may be one that must
    /// not be done twice; no replica has to confirm them.
    pub(crate) async fn ask_each(&self, requests: Vec<Request<'_>>) -> Answered<Vec<Answered<Value>>> {
        debug_assert!(requests.iter().all(|request| request.effect != Effect::Once));
        let mut answers: Vec<Option<Value>> = requests.iter().map(|_| None).collect();
        let mut by_node: Vec<(Arc<_>, Vec<usize>)> = Vec::new();
        for (at, request) in requests.iter().enumerate() {
            let Some(node) = self.known_node_of(request.key) else { continue };
            match by_node.iter_mut().find(|(other, _)| Arc::ptr_eq(other, &node)) {
                Some((_, places)) => places.push(at),
                None => by_node.push((node, vec![at])),
            }
        }
        for (node, places) in &by_node {
            for step in places.chunks(STEP) {
                let mut questions = Pipeline::with_capacity(step.len());
                questions.ignore_errors();
                for request in step.iter().filter_map(|&at| requests.get(at)) {
                    questions.add_command(request.phrased(Knows { replace: false, script: true }).into_owned());
                }
                let Ok(values) = self.ask_node(node, &questions).await else { continue };
                for (&at, value) in step.iter().zip(values) {
                    if let Some(answer) = answers.get_mut(at) {
                        *answer = Some(value);
                    }
                }
            }
        }
        let mut all = Vec::with_capacity(requests.len());
        for (request, answer) in requests.into_iter().zip(answers) {
            all.push(match answer {
                Some(value) if !matches!(value, Value::ServerError(_)) => Ok(value),
                // Alone, it finds a key that is on another node by now, and loads a script that the server does not know.
                _ => match self.ask(request).await {
                    // While a server is down, each of the others would wait for it too.
                    Err(error) if !Failure::of(&error).is_some_and(Failure::is_wrong_type) => return Err(error),
                    answer => answer,
                },
            });
        }
        Ok(all)
    }
}
