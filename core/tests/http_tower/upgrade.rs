//! A connection that becomes something else: its request is over with the answer 101, and the socket goes on with the session.

use std::io::{Read as _, Write as _};

use gsession::Error;
use http::StatusCode;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

use crate::{
    framework::{self, Ask, SessionError},
    support::{
        NAME,
        app::{App, Failure, Reply},
        place::{KINDS, Place},
        server::{Protocol, Server},
    },
};

/// Answers each line of the socket by the user, until there is none any more.
async fn talk(ask: Ask) -> Result<Reply, Failure> {
    let session = ask.session();
    session.set("sockets", &1)?;
    let upgrade = ask.upgrade();
    tokio::spawn(async move {
        let mut socket = BufReader::new(hyper_util::rt::TokioIo::new(upgrade.await.unwrap()));
        let closed = session.set("late", &1).unwrap_err();
        assert!(matches!(closed.cause(), Error::Closed), "{closed:?}");
        let mut line = String::new();
        while socket.read_line(&mut line).await.unwrap() > 0 {
            let message = session.reopen();
            let Some(user) = message.get::<String>("user").await? else { break };
            let n = message.update("messages", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
            socket.write_all(format!("{user} {n}\n").as_bytes()).await.unwrap();
            line.clear();
        }
        Ok::<_, SessionError>(())
    });
    Ok(Reply::status(StatusCode::SWITCHING_PROTOCOLS.as_u16())
        .header("connection", "upgrade")
        .header("upgrade", "lines"))
}

#[test]
fn a_socket_uses_its_session_message_by_message_until_the_logout() {
    for kind in KINDS {
        let place = Place::new(kind);
        let app = App::new().scripts().route("/talk", talk).wrap(place.sessions());
        let server = framework::serve(Protocol::Http1, 1, app);
        let login = Server::ask_at(server.addr, "/do/set:user=ada", &[]);
        let cookie = format!("Cookie: {}", login.cookies()[0].split(';').next().unwrap());
        let id = gsession::SessionId::parse(cookie.split_once(&format!("{NAME}=")).unwrap().1).unwrap();
        let headers: [&[u8]; 3] = [cookie.as_bytes(), b"Connection: upgrade", b"Upgrade: lines"];
        let mut socket = Server::connect_at(server.addr, &Server::request("/talk", &headers));
        let until = |socket: &mut std::net::TcpStream, end: &str| {
            let mut said = Vec::new();
            while !said.ends_with(end.as_bytes()) {
                let mut byte = [0];
                assert_eq!(socket.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&said));
                said.push(byte[0]);
            }
            String::from_utf8(said).unwrap()
        };
        let head = until(&mut socket, "\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 101 ") && head.to_lowercase().contains("vary: cookie"), "{head}");
        // It is stored with the answer.
        assert_eq!(place.data(&id).unwrap(), ["sockets=1", "user=\"ada\""], "{kind:?}");
        for n in 1..=2 {
            socket.write_all(b"hello\n").unwrap();
            assert_eq!(until(&mut socket, "\n"), format!("ada {n}\n"));
        }
        assert_eq!(Server::ask_at(server.addr, "/do/destroy", &[cookie.as_bytes()]).status(), 200);
        socket.write_all(b"hello\n").unwrap();
        let mut rest = String::new();
        socket.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "the socket is closed, and brings nothing back");
        assert_eq!(place.living(), 0, "{kind:?}");
    }
}
