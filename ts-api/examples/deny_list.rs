//! A plugin with a global hook: it refuses the hosts on a list, which it re-reads without making anybody wait.
//!
//! Run it with `cargo run -p ts-api --features http --example deny_list`. The plugin is in `src/host/deny_list.rs`; here is
//! a small server around it, and a client that is let through, refused, and let through again by a new list.

#[path = "../src/host/deny_list.rs"]
#[allow(unreachable_pub, dead_code, reason = "in the host it is public, and used in other ways")]
mod deny_list;

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;
use std::{env, fs, process, thread};

use deny_list::DenyList;
use ts_api::Runtime;
use ts_api::http::Server;

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::temp_dir().join(format!("deny-list-{}.txt", process::id()));
    fs::write(&path, "# one host a line\nbad.example\n")?;

    let runtime = Runtime::builder().net_threads(2).task_threads(1).start()?;
    let plugin = {
        let _guest = runtime.guest();
        DenyList::start(&path, Duration::from_millis(20))?
    };
    let server = Server::builder().listen("127.0.0.1:0").origin(origin()?).start(&runtime)?;

    println!("good.example: {}", ask(server.local_addr(), "good.example")?);
    println!("sub.bad.example: {}", ask(server.local_addr(), "sub.bad.example")?);
    fs::write(&path, "other.example\n")?;
    while plugin.lists() < 2 {
        thread::sleep(Duration::from_millis(5));
    }
    println!("sub.bad.example, by the new list: {}", ask(server.local_addr(), "sub.bad.example")?);
    println!("refused: {}", plugin.refused());

    drop(plugin);
    fs::remove_file(&path)?;
    println!("{}", server.drain(Duration::from_secs(5)));
    print!("{}", runtime.shutdown(Default::default()));
    Ok(())
}

/// An origin that greets everybody.
fn origin() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut lines = BufReader::new(&stream).lines();
                while let Some(Ok(line)) = lines.next() {
                    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
                    if line.is_empty() && (&stream).write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    Ok(address)
}

/// The first line of the server's answer.
fn ask(server: SocketAddr, host: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(server)?;
    write!(stream, "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}
