//! CONNECT: a proxy that ends at this emulator.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::line::Line;
use crate::route::HOSTS;

/// What came of a connection's first request.
#[derive(Debug)]
pub(crate) enum Tunnel {
    /// It asked to be connected to one of the real hosts, and was told that it is.
    Open(Line),
    /// It asked for something else, which is still to be read.
    None(Line),
    /// It asked for another host, or cannot be read.
    Refused,
}

/// Reads a first request and answers it if it is CONNECT.
pub(crate) async fn open(mut line: Line) -> Tunnel {
    let mut head = Vec::new();
    let end = loop {
        let is_connect = head.iter().zip(METHOD).all(|(byte, letter)| byte == letter);
        if !is_connect {
            line.unread(head);
            return Tunnel::None(line);
        }
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if head.len() > LONGEST || !matches!(line.read_buf(&mut head).await, Ok(1..)) {
            return Tunnel::Refused;
        }
    };
    let after = head.split_off(end);
    let text = String::from_utf8_lossy(&head);
    let mut parts = text.split("\r\n").next().unwrap_or_default().split(' ');
    let (_, target, version) = (parts.next(), parts.next().unwrap_or_default(), parts.next());
    let is_http = matches!(version, Some("HTTP/1.0" | "HTTP/1.1"));
    let is_ours = HOSTS.into_iter().any(|host| target.eq_ignore_ascii_case(&format!("{host}:443")));
    if !is_http || !is_ours {
        let status = if is_http { "403 Forbidden" } else { "400 Bad Request" };
        let why = format!("This proxy connects to port 443 of {} and to nothing else.\n", HOSTS.join(", "));
        let answer = format!(
            "{} {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{why}",
            version.filter(|_| is_http).unwrap_or("HTTP/1.1"),
            why.len()
        );
        // Whether it is heard makes no difference.
        let _ = line.write_all(answer.as_bytes()).await;
        let _ = line.shutdown().await;
        return Tunnel::Refused;
    }
    // A client of HTTP/1.0 is answered in it.
    let answer = format!("{} 200 Connection established\r\n\r\n", version.unwrap_or("HTTP/1.1"));
    if line.write_all(answer.as_bytes()).await.is_err() {
        return Tunnel::Refused;
    }
    line.unread(after);
    Tunnel::Open(line)
}

const METHOD: &[u8] = b"CONNECT ";
const LONGEST: usize = 16 * 1024;
