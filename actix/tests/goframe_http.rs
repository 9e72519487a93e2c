//! GoFrame's own HTTP session tests (ghttp v2.10: cookie, header, file storage, custom id, new id), re-expressed. Where
//! behaviour differs on purpose, the test says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use actix_web::{App, HttpResponse, Result, cookie::Cookie, http::StatusCode, test, web};
use gsession::{AnyStorage, CustomIds, FileStorage, HashedIds, IdGenerator, MemoryStorage, SessionId};
use gsession_actix::{Session, SessionMiddleware};
use serde::Deserialize;

const NAME: &str = "gfsessionid";

#[derive(Deserialize)]
struct Entry {
    k: String,
    #[serde(default)]
    v: String,
}

async fn set(session: Session, entry: web::Query<Entry>) -> Result<HttpResponse> {
    session.set(&entry.k, &entry.v)?;
    Ok(HttpResponse::Ok().finish())
}

async fn get(session: Session, entry: web::Query<Entry>) -> Result<String> {
    Ok(session.get_or(&entry.k, String::new()).await?)
}

async fn remove(session: Session, entry: web::Query<Entry>) -> HttpResponse {
    session.remove(&entry.k).unwrap();
    HttpResponse::Ok().finish()
}

async fn clear(session: Session) -> HttpResponse {
    session.destroy();
    HttpResponse::Ok().finish()
}

/// The handlers of GoFrame's `/id` and `/newIdBySession`.
async fn with_id(session: Session, id: web::Path<String>) -> Result<String> {
    session.set_id(SessionId::custom(&id).map_err(actix_web::error::ErrorBadRequest)?)?;
    session.set("key", "value")?;
    Ok(session.id().map(|id| id.as_str().to_owned()).unwrap_or_default())
}

/// Named and reachable as in GoFrame: a cookie of its name, or a header of the same name, with any text as id.
fn sessions(storage: AnyStorage) -> SessionMiddleware {
    let standard = HashedIds::new();
    let ids = CustomIds::new(move |client| standard.generate(client), |text| SessionId::custom(text).is_ok());
    SessionMiddleware::builder(storage)
        .cookie_name(NAME)
        .cookie_secure(false)
        .header_name(NAME)
        .id_generator(ids)
        .build()
        .unwrap()
}

macro_rules! service {
    ($storage:expr) => {
        test::init_service(
            App::new()
                .wrap(sessions($storage))
                .route("/set", web::get().to(set))
                .route("/get", web::get().to(get))
                .route("/remove", web::get().to(remove))
                .route("/clear", web::get().to(clear))
                .route("/id/{id}", web::get().to(with_id)),
        )
        .await
    };
}

/// How a client brings its id back.
#[derive(Clone, Copy)]
enum By {
    Cookie,
    Header,
}

/// Asks for a page; gives the body, and the id if the answer set one.
macro_rules! ask {
    ($service:expr, $path:expr, $by:expr, $id:expr) => {{
        let id: Option<&str> = $id;
        let mut request = test::TestRequest::get().uri($path);
        request = match ($by, id) {
            (_, None) => request,
            (By::Cookie, Some(id)) => request.cookie(Cookie::new(NAME, id.to_owned())),
            (By::Header, Some(id)) => request.insert_header((NAME, id)),
        };
        let response = test::call_service(&$service, request.to_request()).await;
        assert_eq!(response.status(), StatusCode::OK, "{}", $path);
        let set =
            response.response().cookies().find(|cookie| cookie.name() == NAME).map(|cookie| cookie.value().to_owned());
        (String::from_utf8(test::read_body(response).await.to_vec()).unwrap(), set)
    }};
}

async fn scenario(by: By) {
    let service = service!(AnyStorage::new(MemoryStorage::new()));
    let (body, id) = ask!(service, "/set?k=key1&v=100", by, None);
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
        let (body, _) = ask!(service, path, by, Some(id.as_str()));
        assert_eq!(body, expected, "{path}");
    }
}

/// `Test_Session_Cookie`.
#[actix_web::test]
async fn session_cookie() {
    scenario(By::Cookie).await;
}

/// `Test_Session_Header`: the id from the first answer's cookie, brought back in a header of the same name.
#[actix_web::test]
async fn session_header() {
    scenario(By::Header).await;
}

/// `Test_Session_StorageFile`. Here also over a second service on the same folder, as after a restart.
#[actix_web::test]
async fn session_storage_file() {
    let folder = tempfile::tempdir().unwrap();
    let open = || AnyStorage::new(FileStorage::open(folder.path().join("sessions")).unwrap());
    let first = service!(open());
    let (_, id) = ask!(first, "/set?k=key&v=100", By::Header, None);
    let id = id.unwrap();
    drop(first);
    let second = service!(open());
    assert_eq!(ask!(second, "/get?k=key", By::Header, Some(id.as_str())).0, "100");
    assert_eq!(ask!(second, "/get?k=key1", By::Header, Some(id.as_str())).0, "");
}

/// `Test_Session_Custom_Id` and `Test_Session_New_Id`.
///
/// Its last case sets another id in the cookie alone, past the session; here the middleware owns the cookie, and an
/// application that wants another id says so with `set_id` or `renew`.
#[actix_web::test]
async fn session_custom_and_new_id() {
    let service = service!(AnyStorage::new(MemoryStorage::new()));
    let (body, set) = ask!(service, "/id/1234567890", By::Cookie, None);
    assert_eq!((body.as_str(), set.as_deref()), ("1234567890", Some("1234567890")));
    assert_eq!(ask!(service, "/get?k=key", By::Header, Some("1234567890")).0, "value");

    // A client that holds the one id is given another one.
    let (body, set) = ask!(service, "/id/0987654321", By::Cookie, Some("1234567890"));
    assert_eq!((body.as_str(), set.as_deref()), ("0987654321", Some("0987654321")));
    assert_eq!(ask!(service, "/get?k=key", By::Header, Some("0987654321")).0, "value");
}
