//! Listens for notifications from other processes, for tasks that wait for the end of a session.
//!
//! After a statement has ended or moved a session, or changed its principal or its deadlines, its process sends the session's key with
//! `NOTIFY` ([`telling`](super::telling)). A dedicated connection listens. When it is lost, notifications may have been missed, so all
//! waiting tasks check their sessions, and check again at each interval until there is a new connection.
//!
//! A process may die between the statement and the notification. So each waiting task checks its session now and then anyway.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::{Either, select};
use sqlx::{
    postgres::{PgListener, PgNotification, PgPoolOptions},
    query,
};
use tokio::{
    runtime::Handle,
    time::{sleep, timeout},
};

use super::super::{
    client::Client as _,
    failure::Failure,
    operation::Deadline,
    running::Connections,
    values::{Row, Step},
};
use crate::{
    KeyScheme, StoreKey,
    storage::{Watch, unused_key::unused_key},
};

/// After a failure, before the next try.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Each waiting task checks its session once in so many tests of the connection: in 12 intervals. They take turns by their keys.
const TURNS: u8 = 24;

pub(super) struct Listening<'a> {
    pub(super) connections: &'a Arc<Connections<sqlx::Postgres>>,
    /// The runtime of the storage.
    pub(super) runtime: &'a Handle,
    /// The statement that returns the name of the channel.
    pub(super) channel: String,
    pub(super) watch: &'a Watch,
    pub(super) interval: Duration,
}

impl Listening<'_> {
    /// Runs until it is dropped.
    pub(super) async fn run(&self) {
        let half = (self.interval / 2).max(Duration::from_millis(1));
        let (mut pause, mut is_cut, mut looked) = (FIRST_PAUSE, false, Instant::now());
        loop {
            match self.listen().await {
                Ok(listener) => {
                    if is_cut {
                        tracing::info!("Postgres reports the ends of sessions again");
                    }
                    (pause, is_cut) = (FIRST_PAUSE, false);
                    // From now on all is heard. What was before is seen by those who look.
                    self.watch.all_changed();
                    self.hear(listener, half).await;
                    self.watch.all_changed();
                    looked = Instant::now();
                }
                Err(failure) if !is_cut => {
                    is_cut = true;
                    let (error, interval) = (&failure as &dyn std::error::Error, self.interval);
                    tracing::warn!(
                        error,
                        ?interval,
                        "the ends of sessions are not reported now; they are looked for at this interval"
                    );
                }
                Err(_) => {}
            }
            if looked.elapsed() >= self.interval {
                self.watch.all_changed();
                looked = Instant::now();
            }
            sleep(pause).await;
            pause = (2 * pause).min(half.max(FIRST_PAUSE));
        }
    }

    /// A connection that listens.
    async fn listen(&self) -> Result<PgListener, Failure> {
        let channel = self.channel().await?;
        let options = (*self.connections.pool.connect_options()).clone();
        let pool =
            PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None).connect_lazy_with(options);
        let work = async {
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.eager_reconnect(false);
            listener.listen(&channel).await?;
            Ok(listener)
        };
        let limit = self.connections.response_timeout.min(self.interval.max(FIRST_PAUSE));
        let mut listener = match timeout(limit, work).await {
            Ok(listener) => listener.map_err(|error| Failure::of(error, sqlx::Postgres::refusal))?,
            Err(_) => return Err(Failure::Timeout),
        };
        // A pooler between here and the server may take the `LISTEN` and then deliver nothing.
        let probe =
            unused_key(KeyScheme::Hashed).map_err(|error| Failure::Client(error.to_string().into()))?.to_string();
        self.run_over_pool(format!("SELECT count(pg_notify('{channel}', '{probe}'))")).await?;
        match timeout(limit, self.hear_probe(&mut listener, &probe)).await {
            Ok(true) => Ok(listener),
            Ok(false) | Err(_) => Err(Failure::Deaf),
        }
    }

    /// Whether this connection hears what another one tells. `false` if it is lost.
    async fn hear_probe(&self, listener: &mut PgListener, probe: &str) -> bool {
        while let Ok(Some(notification)) = listener.try_recv().await {
            if notification.payload() == probe {
                return true;
            }
            self.tell(&notification);
        }
        false
    }

    /// The name of the channel, as the connections of the pool see the tables.
    async fn channel(&self) -> Result<String, Failure> {
        let rows = self.run_over_pool(self.channel.clone()).await?;
        let name = rows.into_iter().next().ok_or(Failure::Malformed)?.bytes()?;
        String::from_utf8(name).map_err(|_| Failure::Malformed)
    }

    /// Runs a statement over the pool. Its connections belong to the runtime in which they are made, and this one may end before them.
    async fn run_over_pool(&self, text: String) -> Result<Vec<Row>, Failure> {
        let connections = Arc::clone(self.connections);
        let deadline = Deadline::after(self.connections.response_timeout);
        let task = self.runtime.spawn(async move { connections.run(&[Step::new(&text, Vec::new())], deadline).await });
        task.await.unwrap_or(Err(Failure::Timeout))
    }

    /// Tells waiting tasks what is heard, until the connection is lost. It is tested twice in each interval.
    async fn hear(&self, mut listener: PgListener, half: Duration) {
        let mut turns = (0..TURNS).cycle();
        let mut test = pin!(sleep(half));
        loop {
            let heard = match select(test.as_mut(), pin!(listener.try_recv())).await {
                Either::Right((heard, _)) => Some(heard),
                Either::Left(_) => None,
            };
            match heard {
                Some(Ok(Some(notification))) => self.tell(&notification),
                Some(Ok(None) | Err(_)) => return,
                None => {
                    let answer = query("SELECT 1").execute(&mut listener);
                    let answer = timeout(self.connections.response_timeout.min(half), answer).await;
                    if !answer.is_ok_and(|answer| answer.is_ok()) {
                        return;
                    }
                    self.look(turns.next().unwrap_or_default());
                    test.set(sleep(half));
                }
            }
        }
    }

    /// Some waiting tasks check their sessions, those whose turn it is.
    fn look(&self, turn: u8) {
        let is_next = |key: &StoreKey| key.as_bytes()[0] % TURNS == turn;
        self.watch.keys().iter().filter(|key| is_next(key)).for_each(|key| self.watch.changed(key));
    }

    fn tell(&self, notification: &PgNotification) {
        // Everybody who can connect may tell something here.
        if let Some(key) = StoreKey::parse(notification.payload()) {
            self.watch.changed(&key);
        }
    }
}
