// As an application in Rust does it with std alone: a new connection for each request.
// Usage: follow NAME PORT TRIES LIFE   (LIFE is for those that keep connections); prints as README.md says
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

// recipe
/// A connection to one of the name's addresses, tried in their order, each for a second.
fn connect_to(name: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no address");
    for address in (name, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
            Ok(connection) => return Ok(connection),
            Err(error) => last = error,
        }
    }
    Err(last)
}
// end of recipe

fn request(name: &str, port: u16) -> io::Result<String> {
    let mut connection = connect_to(name, port)?;
    connection.set_read_timeout(Some(Duration::from_secs(1)))?;
    connection.write_all(b"GET / HTTP/1.1\r\nHost: follow\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((_, body)) if !body.is_empty() => Ok(body.trim().to_string()),
        _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "no body")),
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let port: u16 = arguments[2].parse().unwrap();
    let tries: u32 = arguments[3].parse().unwrap();
    loop {
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let clock = Instant::now();
        let mut outcome = request(&arguments[1], port);
        for _ in 1..tries {
            if outcome.is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
            outcome = request(&arguments[1], port);
        }
        let text = match outcome {
            Ok(address) => format!("ok {}", address),
            Err(error) => format!("error {}", error),
        };
        println!("{:.3} {:.3} {}", began, clock.elapsed().as_secs_f64(), text);
        std::thread::sleep(Duration::from_millis(100));
    }
}
