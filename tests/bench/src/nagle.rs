//! What Nagle's algorithm costs over a link with a delay: how long a small read takes while others are under way on the same
//! connection, with the `redis` crate as it comes, with `TCP_NODELAY`, and with gsession, which sets it.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use gsession::{AsyncManager, ClientInfo, Delivery, RedisStorage};
use redis::{IntoConnectionInfo as _, aio::MultiplexedConnection, io::tcp::TcpSettings};
use tokio::{runtime, task::JoinSet};

use crate::cli::Nagle;

const ROUNDS: usize = 10;
const READS: usize = 400;

/// One read after another, each begun a millisecond or two after the one before, whether that one was answered or not: as
/// requests come.
async fn times<F>(read: impl Fn() -> F) -> anyhow::Result<Vec<Duration>>
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let mut reads = JoinSet::new();
    for _ in 0..READS {
        let read = read();
        reads.spawn(async move {
            let start = Instant::now();
            read.await.map(|()| start.elapsed())
        });
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut times = Vec::new();
    while let Some(time) = reads.join_next().await {
        times.push(time??);
    }
    Ok(times)
}

async fn connection(url: &str, nodelay: bool) -> anyhow::Result<MultiplexedConnection> {
    let settings = TcpSettings::default().set_nodelay(nodelay);
    let client = redis::Client::open(url.into_connection_info()?.set_tcp_settings(settings))?;
    Ok(client.get_multiplexed_async_connection().await?)
}

async fn get(mut connection: MultiplexedConnection) -> anyhow::Result<()> {
    Ok(redis::cmd("GET").arg("nagle").exec_async(&mut connection).await?)
}

/// Measures and prints. The rounds of the three are interleaved, so that whatever else the machine does meets all of them.
pub(crate) fn run(settings: &Nagle) -> anyhow::Result<()> {
    // One thread, so that gsession has one connection as well.
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(measure(&settings.redis))
}

async fn measure(url: &str) -> anyhow::Result<()> {
    let (as_it_comes, nodelay) = (connection(url, false).await?, connection(url, true).await?);
    let manager = AsyncManager::new(RedisStorage::builder(url).build()?);
    let session = manager.begin(None, ClientInfo::default);
    session.set("user", "ada")?;
    let Delivery::Send { id, .. } = session.close().await?.delivery else {
        anyhow::bail!("the session was not stored");
    };
    let load = || {
        let session = manager.begin(Some(id.as_str()), ClientInfo::default);
        async move { session.get::<String>("user").await?.map(drop).context("the session is gone") }
    };

    let (mut first, mut second, mut third) = (vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        first.extend(times(|| get(as_it_comes.clone())).await?);
        second.extend(times(|| get(nodelay.clone())).await?);
        third.extend(times(load).await?);
    }
    let median = percentile(&mut first, 50);
    println!("| | median, ms | 99 %, ms | times as fast |\n|---|---:|---:|---:|");
    for (name, mut times) in
        [("redis crate as it comes", first), ("redis crate with `TCP_NODELAY`", second), ("gsession", third)]
    {
        let own = percentile(&mut times, 50);
        println!("| {name} | {own:.2} | {:.2} | {:.2} |", percentile(&mut times, 99), median / own);
    }
    Ok(())
}

fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    times[(times.len() - 1) * percent / 100].as_secs_f64() * 1000.0
}
