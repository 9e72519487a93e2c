//! What Nagle's algorithm costs on a way with a delay: how long a small read takes while others are on their way over the same
//! connection, with the `redis` crate as it comes, with `TCP_NODELAY`, and with gsession, which sets it.
//!
//!     cargo run --release -p gsession --features redis --example nagle -- redis://HOST:PORT
//!
//! The rounds of the three are interleaved, so that whatever else the machine does meets all of them.

use std::time::{Duration, Instant};

use gsession::{AsyncManager, ClientInfo, Delivery, RedisStorage};
use redis::{IntoConnectionInfo as _, aio::MultiplexedConnection, io::tcp::TcpSettings};
use tokio::task::JoinSet;

const ROUNDS: usize = 10;
const READS: usize = 400;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One read after another, each begun a millisecond or two after the one before, whether that one was answered or not: as
/// requests come.
async fn times<F>(read: impl Fn() -> F) -> Result<Vec<Duration>, Failure>
where
    F: Future<Output = Result<(), Failure>> + Send + 'static,
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

async fn connection(url: &str, nodelay: bool) -> Result<MultiplexedConnection, Failure> {
    let settings = TcpSettings::default().set_nodelay(nodelay);
    let client = redis::Client::open(url.into_connection_info()?.set_tcp_settings(settings))?;
    Ok(client.get_multiplexed_async_connection().await?)
}

async fn get(mut connection: MultiplexedConnection) -> Result<(), Failure> {
    Ok(redis::cmd("GET").arg("nagle").exec_async(&mut connection).await?)
}

/// All on one thread, so that gsession has one connection as well.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let url = std::env::args().nth(1).ok_or("the URL of a Redis server is missing")?;
    let (as_it_comes, nodelay) = (connection(&url, false).await?, connection(&url, true).await?);
    let manager = AsyncManager::new(RedisStorage::builder(&url).build()?);
    let session = manager.session(None, ClientInfo::default());
    session.set("user", "ada")?;
    let Delivery::Send { id, .. } = session.close().await?.delivery else {
        return Err("a new session has an id".into());
    };
    let load = || {
        let session = manager.session(Some(id.as_str()), ClientInfo::default());
        async move { Ok(session.get::<String>("user").await.map(drop)?) }
    };

    let mut series: [(&str, Vec<Duration>); 3] =
        [("redis crate as it comes", vec![]), ("redis crate, TCP_NODELAY", vec![]), ("gsession", vec![])];
    for _ in 0..ROUNDS {
        series[0].1.extend(times(|| get(as_it_comes.clone())).await?);
        series[1].1.extend(times(|| get(nodelay.clone())).await?);
        series[2].1.extend(times(load).await?);
    }
    let at = |times: &[Duration], percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    let mut first = None;
    println!("{:<26} {:>10} {:>10} {:>8}", "", "median, ms", "99 %, ms", "ratio");
    for (name, times) in &mut series {
        times.sort();
        let median = at(times, 50);
        let ratio = *first.get_or_insert(median) / median;
        println!("{name:<26} {median:>10.2} {:>10.2} {ratio:>8.2}", at(times, 99));
    }
    Ok(())
}
