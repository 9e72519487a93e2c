//! The constructors of a Postgres storage, and the settings that only it has.

use std::{str::FromStr as _, sync::Arc, time::Duration};

use sqlx::{Connection as _, PgConnection, PgPool, postgres::PgConnectOptions};
use tokio::runtime::Handle;

use super::{
    super::{
        builder::SqlBuilder,
        failure::Answered,
        invalid_setting::InvalidSetting,
        names::Names,
        running::{Connections, Losses},
        settings::Settings,
        storage::Sql,
    },
    Postgres,
    telling::Telling,
};
use crate::{AsyncStorage as _, storage::StorageError};

const SETTING_UP: &str = "setting up a Postgres storage";
/// A connection that was idle for this long is tested before it is used: it may have died quietly.
const FRESH: Duration = Duration::from_secs(1);

/// Where the database is.
pub(crate) enum Place {
    Url(String),
    Pool(PgPool),
}

impl Sql<Postgres> {
    /// A storage with the default settings in the database at `url`. Connects once, to check that the tables are there and can be used.
    ///
    /// `postgres://[user[:password]@]host[:port]/database`, with the parameters of sqlx's
    /// [`PgConnectOptions`](https://docs.rs/sqlx/0.8/sqlx/postgres/struct.PgConnectOptions.html), such as `?sslmode=verify-full`.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the URL is malformed, the server cannot be reached, refuses the login, or takes no writes; or if the tables are
    /// missing or have another version. The message says what to do.
    pub async fn connect(url: &str) -> Answered<Self> {
        let storage = Self::builder(url).build()?;
        storage.check().await?;
        Ok(storage)
    }

    /// A storage with other settings, and a pool of its own, in the database at `url`.
    pub fn builder(url: &str) -> SqlBuilder<Postgres> {
        SqlBuilder::new(Place::Url(url.to_owned()), false)
    }

    /// A storage over the application's own pool, with its settings. A short `acquire_timeout` and a `statement_timeout` are a good idea;
    /// with `test_before_acquire`, which is on by default, each operation asks the server twice.
    pub fn from_pool(pool: PgPool) -> SqlBuilder<Postgres> {
        SqlBuilder::new(Place::Pool(pool), false)
    }
}

/// Settings that only Postgres has.
impl SqlBuilder<Postgres> {
    /// The schema of the tables: up to 63 letters, digits and underscores. It must exist. Default: the first of the connection's
    /// `search_path`, usually `public`.
    pub fn schema(mut self, schema: impl Into<Box<str>>) -> Self {
        self.settings.schema = Some(schema.into());
        self
    }

    /// Whether an operation that ends a session returns only after other processes were told, which takes another round trip. Default: no;
    /// they are told right afterwards. For programs that end as soon as they have ended a session.
    pub const fn wait_until_told(mut self, waits: bool) -> Self {
        self.settings.waits_until_told = waits;
        self
    }
}

impl Place {
    pub(super) fn open(self, names: &Names, settings: &Settings) -> Answered<Postgres> {
        let refused = |invalid: InvalidSetting| -> StorageError { invalid.into_error(SETTING_UP) };
        let (response_timeout, losses) = (settings.response_timeout, Losses::default());
        let pool = match self {
            Self::Url(url) => own_pool(&url, settings, losses.clone()).map_err(refused)?,
            Self::Pool(pool) => {
                settings.check_for_pool().map_err(refused)?;
                pool
            }
        };
        let runtime = Handle::try_current().map_err(|_| refused(InvalidSetting::NoRuntime))?;
        let connections = Arc::new(Connections::new(pool, response_timeout, losses));
        let telling = Telling::new(runtime.clone(), Arc::clone(&connections), names);
        let waits_until_told = settings.waits_until_told;
        Ok(Postgres { connections, runtime, telling, waits_until_told, names: names.clone() })
    }
}

fn own_pool(url: &str, settings: &Settings, losses: Losses) -> Result<PgPool, InvalidSetting> {
    let is_ours = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
    if !is_ours {
        return Err(InvalidSetting::Url("it has another scheme".into()));
    }
    let options = PgConnectOptions::from_str(url).map_err(|error| InvalidSetting::Url(reason(&error)))?;
    let timeout = settings.response_timeout;
    // What nobody waits for any more, the server need not go on with.
    let millis = i32::try_from(timeout.as_millis()).unwrap_or(0);
    let options = options.options([("statement_timeout", format!("{millis}ms"))]);
    let options = if options.get_application_name().is_none() { options.application_name("gsession") } else { options };
    let tested = timeout / 4;
    let pool = settings.pool();
    Ok(pool
        .before_acquire(move |connection: &mut PgConnection, meta| {
            let is_fresh = meta.idle_for < FRESH && !losses.are_within(meta.idle_for);
            Box::pin(async move {
                Ok(is_fresh || tokio::time::timeout(tested, connection.ping()).await.is_ok_and(|pong| pong.is_ok()))
            })
        })
        .connect_lazy_with(options))
}

/// What is wrong with a URL. It does not quote the URL, which may have a password.
fn reason(error: &sqlx::Error) -> Box<str> {
    match error {
        sqlx::Error::Configuration(reason) => reason.to_string().into(),
        _ => "it cannot be read".into(),
    }
}
