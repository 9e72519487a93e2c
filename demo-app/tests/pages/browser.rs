//! A browser without a screen: keeps the cookie, remembers the token of the last form, follows when told to.

use std::{cell::RefCell, rc::Rc};

use actix_web::{
    HttpResponse,
    body::{MessageBody as _, to_bytes},
    dev::Service as _,
    http::{
        StatusCode,
        header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE},
    },
    test::{TestRequest, init_service},
};
use futures::{FutureExt as _, future::LocalBoxFuture};
use gsession_demo::Demo;

pub(crate) struct Browser {
    send: Box<dyn Fn(TestRequest) -> LocalBoxFuture<'static, Page>>,
    cookie: RefCell<Option<String>>,
    token: RefCell<String>,
}

/// What came back.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Browser {
    pub(crate) async fn new(demo: &Demo) -> Self {
        let app = Rc::new(init_service(demo.app()).await);
        let send = move |request: TestRequest| {
            let app = Rc::clone(&app);
            async move {
                // As the server does with what a middleware refuses.
                let response = match app.call(request.to_request()).await {
                    Ok(response) => response.into_parts().1,
                    Err(error) => HttpResponse::from_error(error),
                };
                let (status, headers) = (response.status(), response.headers().clone());
                let body = response.into_body().boxed();
                let body = to_bytes(body).await.unwrap_or_else(|_| panic!("a body that breaks off"));
                Page { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
            }
            .boxed_local()
        };
        Self { send: Box::new(send), cookie: RefCell::default(), token: RefCell::default() }
    }

    /// One in which ada is logged in.
    pub(crate) async fn of_ada(demo: &Demo) -> Self {
        let browser = Self::new(demo).await;
        browser.log_in("ada", "lovelace").await;
        browser
    }

    pub(crate) async fn log_in(&self, user: &str, password: &str) -> Page {
        self.get("/login").await;
        let answer = self.submit("/login", &[("username", user), ("password", password)]).await;
        if answer.is_redirect() {
            return self.follow(&answer).await;
        }
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Page {
        self.send(TestRequest::get().uri(path)).await
    }

    /// Sends a form with the token of the page that was shown last.
    pub(crate) async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.token();
        self.post(path, &[fields, &[("csrf", &token)]].concat()).await
    }

    /// Sends the form of a login page of ours, as a browser that says where it comes from, but without a token.
    pub(crate) async fn log_in_by_origin(&self, user: &str, password: &str, next: &str) -> Page {
        let fields = [("username", user), ("password", password), ("next", next)];
        let request = TestRequest::post().uri("/login").insert_header(("sec-fetch-site", "same-origin"));
        self.send(request.set_form(fields)).await
    }

    /// Sends a form as it is.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.send(TestRequest::post().uri(path).set_form(fields)).await
    }

    /// Sends a form, and follows to the page that comes after it.
    pub(crate) async fn submit_and_follow(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let answer = self.submit(path, fields).await;
        self.follow(&answer).await
    }

    pub(crate) async fn follow(&self, answer: &Page) -> Page {
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        self.get(answer.location()).await
    }

    pub(crate) async fn send(&self, mut request: TestRequest) -> Page {
        if let Some(cookie) = self.cookie() {
            request = request.insert_header((COOKIE, format!("gsession={cookie}")));
        }
        let page = (self.send)(request).await;
        for line in page.headers.get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            let value = line.strip_prefix("gsession=").and_then(|rest| rest.split(';').next()).unwrap();
            self.put_cookie((!line.contains("Max-Age=0")).then(|| value.to_owned()));
        }
        if let Some(token) = page.token() {
            *self.token.borrow_mut() = token.to_owned();
        }
        page
    }

    pub(crate) fn cookie(&self) -> Option<String> {
        self.cookie.borrow().clone()
    }

    pub(crate) fn put_cookie(&self, cookie: Option<String>) {
        *self.cookie.borrow_mut() = cookie;
    }

    pub(crate) fn token(&self) -> String {
        self.token.borrow().clone()
    }
}

impl Page {
    pub(crate) fn is_redirect(&self) -> bool {
        self.status.is_redirection()
    }

    pub(crate) fn location(&self) -> &str {
        self.header(LOCATION.as_str()).unwrap_or_else(|| panic!("no location, but {}: {}", self.status, self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The text of the element with this id.
    pub(crate) fn text(&self, id: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("id=\"{id}\""))?;
        Some(rest.split_once('>')?.1.split('<').next()?.trim())
    }

    /// The notes it shows.
    pub(crate) fn notes(&self) -> Vec<&str> {
        self.body.split("<li>").skip(1).filter_map(|item| item.split(['<', '>']).nth(2)).collect()
    }

    /// The keys, shortened, of the sessions that the profile lists.
    pub(crate) fn devices(&self) -> Vec<&str> {
        let table = self.body.split_once("id=\"devices\"").and_then(|(_, rest)| rest.split_once("</table>"));
        let rows = table.map_or("", |(rows, _)| rows).split("<small><code>").skip(1);
        rows.filter_map(|row| row.split('<').next()).collect()
    }

    /// The keys of the sessions that it has a button to end for.
    pub(crate) fn endable(&self) -> Vec<&str> {
        self.body.split("name=\"session\" value=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    /// The token of its forms.
    pub(crate) fn token(&self) -> Option<&str> {
        self.body.split_once("name=\"csrf\" value=\"")?.1.split('"').next()
    }
}
