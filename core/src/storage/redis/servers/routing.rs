//! One request: choosing the server, sending the command, and trying again where that is safe.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use redis::{Cmd, Pipeline, RedisResult, Value};

use super::{
    request::{Answer, Effect, Knows, Request, What},
    script::Script,
    sentinel::Unusable,
    topology::Topology,
};
use crate::storage::redis::{
    connection::{Connection, Connections, Node, Replicas, Settings},
    errors::{Answered, Failure, Refusal, checked, is_answer},
};

/// How long to wait before a server that cannot do something now is asked again.
const PAUSE: Duration = Duration::from_millis(25);

/// The servers of a storage, over blocking or async connections.
pub(crate) struct Servers {
    topology: Arc<Topology>,
    pub(crate) connections: Connections,
    /// For how long attempts are started: as long as connecting and answering take at most.
    patience: Duration,
    replicas: Option<Replicas>,
}

impl Servers {
    pub(crate) const fn new(topology: Arc<Topology>, settings: &Settings, connections: Connections) -> Self {
        let patience = settings.connect_timeout.saturating_add(settings.response_timeout);
        Self { topology, connections, patience, replicas: settings.replicas }
    }

    /// Whether keys may be on different nodes.
    pub(crate) fn are_a_cluster(&self) -> bool {
        self.topology.is_cluster()
    }

    /// The node that has `key`, if that is known without asking.
    pub(crate) fn known_node_of(&self, key: &[u8]) -> Option<Arc<Node>> {
        self.topology.known_node_of(key)
    }

    /// The node that has `key`.
    pub(crate) async fn node_of(&self, key: &[u8]) -> Result<Arc<Node>, Failure> {
        self.topology.node_of(&self.connections, key).await
    }

    /// Records that `node` does not have what it was asked for, or cannot be reached.
    pub(crate) fn doubt(&self, node: &Node) {
        self.topology.forget(node);
    }

    /// All primaries. Each has a part of the sessions.
    pub(crate) async fn primaries(&self) -> Result<Vec<Arc<Node>>, Failure> {
        self.topology.primaries(&self.connections).await
    }

    /// Sends a request to the server that has its key, and returns the answer.
    pub(crate) async fn ask(&self, request: Request<'_>) -> Answered<Value> {
        let failed = |failure: Failure| failure.while_doing(request.operation);
        // `None`: with timeouts of centuries.
        let deadline = Instant::now().checked_add(self.patience);
        let mut last = Failure::Nowhere("no server could do it in time");
        let mut knows_script = true;
        // The node that another one has named, and whether it needs an `ASKING`.
        let mut redirect = None;
        let mut was_lost = false;
        loop {
            let (node, asking) = match redirect.take() {
                Some(redirect) => redirect,
                None => (self.topology.node_of(&self.connections, request.key).await.map_err(failed)?, false),
            };
            let mut connection = match self.connect(&node).await {
                Ok(connection) => connection,
                // Nothing was sent, and another node may have taken this one's place.
                Err(Unusable::Elsewhere(failure)) if self.topology.may_change() => {
                    self.topology.forget(&node);
                    self.connections.pause(PAUSE).await;
                    if is_over(deadline) {
                        return Err(failed(failure));
                    }
                    last = failure;
                    continue;
                }
                Err(unusable) => return Err(failed(unusable.into())),
            };
            let knows = Knows { replace: connection.knows_replace(), script: knows_script };
            let command = request.phrased(knows);
            let answer = match self.surrounded(&command, request.effect, asking) {
                None => connection.send(&command).await.map(Ok),
                Some(commands) => match connection.send_all(&commands).await {
                    Ok(answers) => self.answer_in(answers, request.effect, asking, &node),
                    Err(error) => Err(error),
                },
            };
            let error = match answer {
                Ok(answer) => {
                    self.connections.put_back(&node, connection);
                    return answer.map_err(failed);
                }
                Err(error) => error,
            };
            if !is_answer(&error) {
                // A reused connection may be dead. If a new one is silent, the server does not answer, and asking again would not
                // help.
                let is_worth_another = connection.is_reused() || !error.is_timeout();
                self.connections.discard(&node, connection);
                self.topology.forget(&node);
                last = Failure::lost(node.name(), &error);
                if request.effect == Effect::Once || !is_worth_another || was_lost {
                    return Err(failed(last));
                }
                was_lost = true;
                continue;
            }
            let refusal = Refusal::of(&error);
            let has_no_replace =
                knows.replace && matches!((&refusal, &request.what), (Refusal::UnknownOption, What::Replace(..)));
            if has_no_replace {
                connection.note_no_replace();
            }
            self.connections.put_back(&node, connection);
            match refusal {
                // The script does the same.
                _ if has_no_replace => {
                    redirect = asking.then_some((node, true));
                }
                Refusal::UnknownScript if knows_script && !matches!(request.what, What::Command(_)) => {
                    knows_script = false;
                    redirect = asking.then_some((node, true));
                }
                Refusal::Elsewhere { to, only_once } if self.are_a_cluster() => {
                    if !only_once {
                        self.topology.forget(&node);
                    }
                    redirect = self.topology.node_at(&to, &node).map(|node| (node, only_once));
                    last = Failure::refused(node.name(), &error);
                }
                Refusal::NotNow if self.topology.may_change() => {
                    self.topology.forget(&node);
                    last = Failure::refused(node.name(), &error);
                    self.connections.pause(PAUSE).await;
                }
                _ => return Err(failed(Failure::refused(node.name(), &error))),
            }
            if is_over(deadline) {
                return Err(failed(last));
            }
        }
    }

    /// Runs a script on the server that has the first of `keys`.
    pub(crate) async fn call(
        &self,
        operation: &'static str,
        script: &'static Script,
        keys: &[&[u8]],
        args: &[&[u8]],
        effect: Effect,
    ) -> Answered<Answer> {
        Answer::of(self.ask(Request::script(operation, script, keys, args, effect)).await?, operation)
    }

    /// A connection to a node, which under Sentinel is confirmed to be the primary.
    pub(crate) async fn connect(&self, node: &Arc<Node>) -> Result<Connection, Unusable> {
        let mut connection = self.connections.connect(node).await.map_err(Unusable::Elsewhere)?;
        if let Some(sentinels) = self.topology.sentinels()
            && !connection.is_confirmed()
        {
            match sentinels.confirm(&self.connections, node, &mut connection).await {
                Ok(()) => connection.confirm(),
                Err(unusable) => {
                    match &unusable {
                        Unusable::Elsewhere(_) => self.connections.discard(node, connection),
                        // The connection is sound, and may be confirmed later.
                        Unusable::Unconfirmed(_) => self.connections.put_back(node, connection),
                    }
                    return Err(unusable);
                }
            }
        }
        Ok(connection)
    }

    /// Sends read-only commands to one node in one go. Their answers may be errors.
    pub(crate) async fn ask_node(&self, node: &Arc<Node>, questions: &Pipeline) -> Result<Vec<Value>, Failure> {
        let connection = self.connect(node).await?;
        let is_reused = connection.is_reused();
        match self.connections.ask_over(node, connection, questions).await {
            Err(Failure::Lost { .. }) if is_reused => {
                let connection = self.connect(node).await?;
                self.connections.ask_over(node, connection, questions).await
            }
            done => done,
        }
    }

    /// The command with `ASKING` before it and `WAIT` after it, if it needs one of them.
    fn surrounded(&self, command: &Cmd, effect: Effect, asking: bool) -> Option<Pipeline> {
        let replicas = self.replicas.filter(|_| effect != Effect::Read);
        if !asking && replicas.is_none() {
            return None;
        }
        let mut commands = Pipeline::with_capacity(3);
        commands.ignore_errors();
        if asking {
            commands.cmd("ASKING");
        }
        commands.add_command(command.clone());
        if let Some(replicas) = replicas {
            let timeout = u64::try_from(replicas.timeout.as_millis()).unwrap_or(u64::MAX);
            commands.cmd("WAIT").arg(replicas.count).arg(timeout);
        }
        Some(commands)
    }

    /// The answer to the command among those of [`surrounded`](Self::surrounded). The inner error says that replicas are missing.
    fn answer_in(
        &self,
        answers: Vec<Value>,
        effect: Effect,
        asking: bool,
        node: &Node,
    ) -> RedisResult<Result<Value, Failure>> {
        let mut answers = answers.into_iter().skip(usize::from(asking));
        let answer = checked(answers.next().unwrap_or_default())?;
        let Some(replicas) = self.replicas.filter(|_| effect != Effect::Read) else { return Ok(Ok(answer)) };
        Ok(match answers.next().map(checked).transpose()? {
            // Nothing was changed, so nothing has to be confirmed.
            Some(_) if answer == Value::Nil => Ok(answer),
            Some(Value::Int(confirmed)) if confirmed >= i64::from(replicas.count) => Ok(answer),
            Some(Value::Int(confirmed)) => Err(Failure::Replicas { confirmed, wanted: replicas.count }),
            _ => Err(Failure::Shape { node: node.name().into() }),
        })
    }
}

fn is_over(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.topology.fmt(f)
    }
}
