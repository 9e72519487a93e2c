//! Sessions without HTTP: a TCP server with a line protocol, on the blocking API and the file storage.
//!
//! Run `cargo run -p gsession --example tcp_line_protocol`, then `nc 127.0.0.1 7878` and type:
//!
//! ```text
//! hello                 a new session; answers its id
//! resume ID             goes on with a session, also after a restart of the server
//! set NAME TEXT         keeps a text
//! get NAME              shows it
//! count                 an atomic counter
//! bye                   ends the session
//! ```
//!
//! With the argument `--self-test` the program talks to itself once and stops.

use std::{
    error::Error,
    io::{BufRead, BufReader, BufWriter, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use gsession::{ClientInfo, Delivery, FileStorage, Manager, Session};

fn main() -> Result<(), Box<dyn Error>> {
    let self_test = std::env::args().any(|argument| argument == "--self-test");
    let folder = std::env::temp_dir().join(format!("gsession-tcp-{}", std::process::id()));
    let manager = Manager::new(FileStorage::open(&folder)?);
    let listener = TcpListener::bind(if self_test { "127.0.0.1:0" } else { "127.0.0.1:7878" })?;
    let address = listener.local_addr()?;
    println!("listening on {address}, sessions in {}", folder.display());
    let serving = thread::spawn(move || serve(&listener, &manager));
    if self_test {
        talk(address)?;
        std::fs::remove_dir_all(folder)?;
        return Ok(());
    }
    serving.join().map_err(|_| "the server stopped")?;
    Ok(())
}

fn serve(listener: &TcpListener, manager: &Manager) {
    for stream in listener.incoming().flatten() {
        let manager = manager.clone();
        thread::spawn(move || {
            if let Err(error) = converse(&stream, &manager) {
                eprintln!("a connection ended: {error}");
            }
        });
    }
}

/// One connection: every line is a request of its own, under the id the connection has.
fn converse(stream: &TcpStream, manager: &Manager) -> Result<(), Box<dyn Error>> {
    let client = ClientInfo::new(Some(stream.peer_addr()?));
    let mut output = BufWriter::new(stream);
    let mut id: Option<String> = None;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if let Some(presented) = line.strip_prefix("resume ") {
            id = Some(presented.trim().to_owned());
        }
        let session = manager.begin(id.as_deref(), || client.clone());
        // A failed request tells its client so and changes nothing; the connection goes on.
        let answer = answer(&line, &session).unwrap_or_else(|error| format!("error: {error}"));
        match session.close()?.delivery {
            Delivery::Send { id: fresh, .. } => id = Some(fresh.as_str().to_owned()),
            Delivery::Withdraw => id = None,
            _ => {}
        }
        let shown = if line == "hello" { id.clone().unwrap_or_default() } else { answer };
        writeln!(output, "{shown}")?;
        output.flush()?;
    }
    Ok(())
}

fn answer(line: &str, session: &Session) -> Result<String, gsession::Error> {
    let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
    Ok(match command {
        "hello" => {
            session.set("greeted", &true)?;
            String::new()
        }
        "resume" if session.contains_key("greeted")? => "welcome back".to_owned(),
        "resume" => "no such session".to_owned(),
        "set" => {
            let (name, text) = rest.split_once(' ').unwrap_or((rest, ""));
            session.set(name, text)?;
            "ok".to_owned()
        }
        "get" => session.get_or(rest, "(nothing)".to_owned())?,
        "count" => session.update("count", |n: Option<u64>| n.unwrap_or(0) + 1)?.to_string(),
        "bye" => {
            session.destroy();
            "bye".to_owned()
        }
        _ => "hello, resume ID, set NAME TEXT, get NAME, count, bye".to_owned(),
    })
}

/// What `--self-test` says and expects to hear, over two connections.
fn talk(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let say = |lines: &[String]| -> Result<Vec<String>, Box<dyn Error>> {
        let stream = TcpStream::connect(address)?;
        let mut answers = BufReader::new(&stream).lines();
        let mut heard = Vec::new();
        for line in lines {
            writeln!(&stream, "{line}")?;
            heard.push(answers.next().ok_or("the server hung up")??);
        }
        Ok(heard)
    };
    let first = say(&["hello", "set colour blue", "count"].map(str::to_owned))?;
    let id = &first[0];
    let second =
        say(&[format!("resume {id}"), "get colour".into(), "count".into(), "bye".into(), "get colour".into()])?;
    let third = say(&[format!("resume {id}")])?;
    assert_eq!(first[1..], ["ok", "1"]);
    assert_eq!(second, ["welcome back", "blue", "2", "bye", "(nothing)"]);
    assert_eq!(third, ["no such session"]);
    println!("self-test passed");
    Ok(())
}
