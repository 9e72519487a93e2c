//! The application's own client.

use std::error::Error;

use gsession::{MemoryStorage, tower::SessionLayer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Serves the application on a free port, and asks it.
pub(crate) async fn run() -> Result<(), Box<dyn Error>> {
    let sessions = SessionLayer::builder(MemoryStorage::new()).cookie_name("sid").build()?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let addr = listener.local_addr()?;
    let server = tokio::spawn(async move { axum::serve(listener, super::app(sessions)).await });

    let ask = async |method: &str, path: &str, cookie: &str, form: &str| -> Result<String, Box<dyn Error>> {
        let mut stream = TcpStream::connect(addr).await?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    };
    let cookie_of = |answer: &str| {
        let line = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap_or_default();
        line.split(';').next().unwrap_or_default().to_owned()
    };

    let first = ask("GET", "/", "", "").await?;
    assert!(first.contains("Visit number 1."), "{first}");
    let visitor = cookie_of(&first);
    assert!(ask("GET", "/account", &visitor, "").await?.starts_with("HTTP/1.1 303"));
    assert!(ask("POST", "/login", &visitor, "user=ada&password=wrong").await?.starts_with("HTTP/1.1 403"));
    let login = ask("POST", "/login", &visitor, "user=ada&password=secret").await?;
    assert!(login.starts_with("HTTP/1.1 303"), "{login}");
    let user = cookie_of(&login);
    assert_ne!(user, visitor, "a login gets a new id");
    assert!(ask("GET", "/", &user, "").await?.contains("Hello, ada. Visit number 2."));
    assert!(ask("GET", "/account", &user, "").await?.contains("your password"));
    assert!(!ask("GET", "/", &visitor, "").await?.contains("ada"), "the old id is dead");
    let logout = ask("POST", "/logout", &user, "").await?;
    assert_eq!(cookie_of(&logout), "sid=");
    assert!(!ask("GET", "/", &user, "").await?.contains("ada"), "and so is the session");
    server.abort();
    println!("Logged in, recognised, logged out.");
    Ok(())
}
