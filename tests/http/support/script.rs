//! Handlers that do to their session what the path says: `/do/get,pause,set:cart=1`.

use std::{
    future::{Future as _, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::FutureExt as _;
use gsession::{Login, SessionId};
use serde_json::Value;
use tokio::sync::Notify;

use super::app::{Failure, Reply};
use crate::framework::Ask;

/// Where a handler stands at its `pause` until the test lets it go on.
#[derive(Default)]
pub(crate) struct Meeting {
    pub(crate) arrived: Notify,
    pub(crate) go: Notify,
    /// A handler that stood here was dropped.
    pub(crate) cut_off: Notify,
    /// A request was dropped, with all that the middleware was doing for it.
    pub(crate) dropped: Notify,
    /// A handler has found out that its client has left.
    pub(crate) gave_up: Notify,
    polls: AtomicUsize,
}

struct Guard<'a>(&'a Meeting);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.cut_off.notify_one();
    }
}

impl Meeting {
    pub(crate) async fn pause(&self) {
        let guard = Guard(self);
        self.arrived.notify_one();
        let mut go = pin!(self.go.notified());
        poll_fn(|cx| {
            self.polls.fetch_add(1, Ordering::SeqCst);
            go.as_mut().poll(cx)
        })
        .await;
        std::mem::forget(guard);
    }

    /// How often handlers were polled at their `pause`. Over HTTP/1 that happens also whenever the server has read from the
    /// connection.
    pub(crate) fn polls(&self) -> usize {
        self.polls.load(Ordering::SeqCst)
    }
}

/// Tells the meeting if the future of a request is dropped before it ends.
pub(crate) struct Watched {
    meeting: Arc<Meeting>,
    pub(crate) ended: bool,
}

impl Watched {
    pub(crate) fn new(meeting: Arc<Meeting>) -> Self {
        Self { meeting, ended: false }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.ended {
            self.meeting.dropped.notify_one();
        }
    }
}

/// Does the steps one after the other and answers what they said, with commas between.
pub(crate) async fn run(mut ask: Ask, meeting: Arc<Meeting>) -> Result<Reply, Failure> {
    let session = ask.session();
    let mut said = Vec::new();
    let mut answer = Reply::status(200);
    let steps = ask.tail().to_owned();
    for step in steps.split(',') {
        let (step, about) = step.split_once(':').unwrap_or((step, ""));
        let key = if about.is_empty() { "user" } else { about };
        match step {
            "hold" => {}
            "get" => {
                let value: Option<Value> = session.get(key).await?;
                said.push(value.map_or_else(|| "-".to_owned(), |value| value.to_string()));
            }
            // As an application that does not care whether the storage works.
            "peek" => said.push(if session.get::<Value>(key).await.is_ok() { "ok" } else { "failed" }.to_owned()),
            "number" => said.push(session.get::<u64>(key).await?.unwrap_or_default().to_string()),
            "data" => said.push(Value::from(session.data().await?).to_string()),
            "info" => said.push(session.info().await?.is_some().to_string()),
            "set" => {
                let (key, value) = about.split_once('=').unwrap_or(("seen", "yes"));
                session.set(key, value)?;
            }
            "fill" => session.set("fill", &"x".repeat(about.parse().unwrap()))?,
            "update" => said.push(session.update(key, |n: Option<u64>| n.unwrap_or(0) + 1).await?.to_string()),
            "token" => said.push(Value::from(session.get_or_insert_with(key, || "made".to_owned()).await?).to_string()),
            "remove" => session.remove(key)?,
            "clear" => session.clear()?,
            "destroy" => session.destroy(),
            "renew" => session.renew()?,
            "save" => said.push(format!("{:?}", session.save().await?)),
            "passive" => session.set_passive(true),
            // By a handle of its own, as code in several places has them.
            "active" => ask.session().set_passive(false),
            "principal" => session.set_principal(about)?,
            "login" => session.log_in(about).await?,
            // Seconds to remember ada for, and without use if that is less.
            "remember" => {
                let (whole, unused) = about.split_once('-').unwrap_or((about, about));
                let seconds = |text: &str| Duration::from_secs(text.parse().unwrap());
                session.log_in(Login::new("ada").remember_for(seconds(whole)).idle_timeout(seconds(unused))).await?;
            }
            "everywhere" => said.push(session.destroy_everywhere().await?.to_string()),
            "list" => said.push(session.list().await?.len().to_string()),
            "others" => said.push(session.destroy_others().await?.to_string()),
            "id" => said.push(session.id().map_or_else(|| "-".to_owned(), |id| id.as_str().to_owned())),
            "be" => session.set_id(SessionId::custom(about).map_err(|_| Failure::status(400))?)?,
            "pause" => meeting.pause().await,
            // Reads the body until it ends, or until the client leaves before that.
            "body" => {
                meeting.arrived.notify_one();
                let broken = loop {
                    match ask.chunk().await {
                        Some(Ok(())) => {}
                        end => break end.is_some(),
                    }
                };
                said.push(if broken { "broken" } else { "whole" }.to_owned());
            }
            // Goes no further for a client that is known to have left.
            "unless-left" => {
                if let Some(Some(Err(()))) = ask.chunk().now_or_never() {
                    meeting.gave_up.notify_one();
                    return Err(Failure::status(500));
                }
            }
            "status" => answer.status = about.parse().unwrap(),
            "fail" => return Err(Failure::status(about.parse().unwrap())),
            "panic" => panic!("as the test wants"),
            "cache" => answer = answer.header("cache-control", about),
            "vary" => answer = answer.header("vary", about),
            other => panic!("not a step: {other}"),
        }
    }
    Ok(answer.text(said.join(",")))
}
