//! Listens for notifications from other processes, for tasks that wait for the end of a session.
//!
//! A statement that ends or moves a session, or changes its principal or its deadlines, also sends the session's key with `NOTIFY`. A
//! dedicated connection listens. When it is lost, notifications may have been missed, so all waiting tasks check their sessions, and
//! check again at each interval until there is a new connection.

use std::time::{Duration, Instant};

use sqlx::{
    postgres::{PgListener, PgNotification, PgPoolOptions},
    query,
};
use tokio::time::{sleep, timeout};

use super::super::{
    failure::Failure,
    running::{Client as _, Connections},
};
use crate::{StoreKey, storage::Watch};

/// After a failure, before the next try.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Listening<'a> {
    pub(super) connections: &'a Connections<sqlx::Postgres>,
    pub(super) channel: &'a str,
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
        let options = (*self.connections.pool.connect_options()).clone();
        let pool =
            PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None).connect_lazy_with(options);
        let work = async {
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.eager_reconnect(false);
            listener.listen(self.channel).await?;
            Ok(listener)
        };
        let limit = self.connections.response_timeout.min(self.interval.max(FIRST_PAUSE));
        match timeout(limit, work).await {
            Ok(listener) => listener.map_err(|error| Failure::of(error, sqlx::Postgres::refusal)),
            Err(_) => Err(Failure::Timeout),
        }
    }

    /// Tells those who wait what is heard, until the connection is lost. One that has been silent is tested twice in each interval.
    async fn hear(&self, mut listener: PgListener, half: Duration) {
        loop {
            match timeout(half, listener.try_recv()).await {
                Ok(Ok(Some(notification))) => self.tell(&notification),
                Ok(Ok(None) | Err(_)) => return,
                Err(_) => {
                    let test = query("SELECT 1").execute(&mut listener);
                    let answer = timeout(self.connections.response_timeout.min(half), test).await;
                    if !answer.is_ok_and(|answer| answer.is_ok()) {
                        return;
                    }
                }
            }
        }
    }

    fn tell(&self, notification: &PgNotification) {
        match StoreKey::parse(notification.payload()) {
            Some(key) => self.watch.changed(&key),
            // Anybody may tell something here.
            None => self.watch.all_changed(),
        }
    }
}
