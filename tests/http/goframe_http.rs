//! GoFrame's own HTTP session tests (ghttp v2.10: cookie, header, file storage, custom id, new id), re-expressed. Where
//! behaviour differs on purpose, the test says so.

use gsession::{AnyStorage, CustomIds, FileStorage, HashedIds, IdGenerator, MemoryStorage, SessionId};

use crate::{
    framework::{Ask, Sessions},
    support::{
        app::{App, Failure, Reply},
        client::Client,
        request::Request,
    },
};

const NAME: &str = "gfsessionid";

async fn set(ask: Ask) -> Result<Reply, Failure> {
    ask.session().set(&ask.query("k"), &ask.query("v"))?;
    Ok("".into())
}

async fn get(ask: Ask) -> Result<Reply, Failure> {
    Ok(ask.session().get_or(&ask.query("k"), String::new()).await?.into())
}

async fn remove(ask: Ask) -> Result<Reply, Failure> {
    ask.session().remove(&ask.query("k"))?;
    Ok("".into())
}

async fn clear(ask: Ask) -> Result<Reply, Failure> {
    ask.session().destroy();
    Ok("".into())
}

/// The handlers of GoFrame's `/id` and `/newIdBySession`.
async fn with_id(ask: Ask) -> Result<Reply, Failure> {
    let session = ask.session();
    session.set_id(SessionId::custom(ask.tail()).map_err(|_| Failure::status(400))?)?;
    session.set("key", "value")?;
    Ok(session.id().map(|id| id.as_str().to_owned()).unwrap_or_default().into())
}

/// Named and reachable as in GoFrame: a cookie of its name, or a header of the same name, with any text as id.
fn sessions(storage: AnyStorage) -> Sessions {
    let standard = HashedIds::new();
    let ids = CustomIds::new(move |client| standard.generate(client), |text| SessionId::custom(text).is_ok());
    Sessions::builder(storage)
        .cookie_name(NAME)
        .cookie_secure(false)
        .header_name(NAME)
        .id_generator(ids)
        .build()
        .unwrap()
}

async fn service(storage: AnyStorage) -> Client {
    let app = App::new().route("/set", set).route("/get", get).route("/remove", remove).route("/clear", clear);
    app.route("/id/{id}", with_id).wrap(sessions(storage)).client().await
}

/// How a client brings its id back.
#[derive(Clone, Copy)]
enum By {
    Cookie,
    Header,
}

/// Asks for a page; gives the body, and the id if the answer set one.
async fn ask(service: &Client, path: &str, by: By, id: Option<&str>) -> (String, Option<String>) {
    let request = Request::get(path);
    let answer = service
        .send(match (by, id) {
            (_, None) => request,
            (By::Cookie, Some(id)) => request.header("cookie", format!("{NAME}={id}")),
            (By::Header, Some(id)) => request.header(NAME, id),
        })
        .await;
    assert_eq!(answer.status, 200, "{path}");
    let set = answer.cookies().iter().find_map(|line| line.strip_prefix(NAME)?.strip_prefix('=')?.split(';').next());
    let set = set.map(str::to_owned);
    (answer.body, set)
}

async fn scenario(by: By) {
    let service = service(AnyStorage::new(MemoryStorage::new())).await;
    let (body, id) = ask(&service, "/set?k=key1&v=100", by, None).await;
    assert_eq!(body, "");
    let id = id.expect("a client that presents nothing gets a cookie");
    for (path, expected) in [
        ("/set?k=key2&v=200", ""),
        ("/get?k=key1", "100"),
        ("/get?k=key2", "200"),
        ("/get?k=key3", ""),
        ("/remove?k=key1", ""),
        ("/remove?k=key3", ""),
        ("/remove?k=key4", ""),
        ("/get?k=key1", ""),
        ("/get?k=key2", "200"),
        ("/clear", ""),
        ("/get?k=key2", ""),
    ] {
        let (body, _) = ask(&service, path, by, Some(id.as_str())).await;
        assert_eq!(body, expected, "{path}");
    }
}

/// `Test_Session_Cookie`.
#[tokio::test]
async fn session_cookie() {
    scenario(By::Cookie).await;
}

/// `Test_Session_Header`: the id from the first answer's cookie, brought back in a header of the same name.
#[tokio::test]
async fn session_header() {
    scenario(By::Header).await;
}

/// `Test_Session_StorageFile`. Here also over a second service on the same folder, as after a restart.
#[tokio::test]
async fn session_storage_file() {
    let folder = tempfile::tempdir().unwrap();
    let open = || AnyStorage::new(FileStorage::open(folder.path().join("sessions")).unwrap());
    let first = service(open()).await;
    let (_, id) = ask(&first, "/set?k=key&v=100", By::Header, None).await;
    let id = id.unwrap();
    drop(first);
    let second = service(open()).await;
    assert_eq!(ask(&second, "/get?k=key", By::Header, Some(id.as_str())).await.0, "100");
    assert_eq!(ask(&second, "/get?k=key1", By::Header, Some(id.as_str())).await.0, "");
}

/// `Test_Session_Custom_Id` and `Test_Session_New_Id`.
///
/// Its last case sets another id in the cookie alone, past the session; here the middleware owns the cookie, and an
/// application that wants another id says so with `set_id` or `renew`.
#[tokio::test]
async fn session_custom_and_new_id() {
    let service = service(AnyStorage::new(MemoryStorage::new())).await;
    let (body, set) = ask(&service, "/id/1234567890", By::Cookie, None).await;
    assert_eq!((body.as_str(), set.as_deref()), ("1234567890", Some("1234567890")));
    assert_eq!(ask(&service, "/get?k=key", By::Header, Some("1234567890")).await.0, "value");

    // A client that holds the one id is given another one.
    let (body, set) = ask(&service, "/id/0987654321", By::Cookie, Some("1234567890")).await;
    assert_eq!((body.as_str(), set.as_deref()), ("0987654321", Some("0987654321")));
    assert_eq!(ask(&service, "/get?k=key", By::Header, Some("0987654321")).await.0, "value");
}
