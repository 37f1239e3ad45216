//! CONNECT: a proxy that ends at this emulator.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::line::Unread;
use crate::route::HOSTS;

/// What came of a connection's first request.
#[derive(Debug)]
pub(crate) enum Tunnel<S> {
    /// It asked to be connected to one of the real hosts, and was told that it is.
    Open(Unread<S>),
    /// It asked for something else, which is still to be read.
    None(Unread<S>),
    /// It asked for another host, or cannot be read.
    Refused,
}

/// Reads a first request and answers it if it is CONNECT.
pub(crate) async fn open<S: AsyncRead + AsyncWrite + Unpin>(mut line: Unread<S>) -> Tunnel<S> {
    let mut head = Vec::new();
    let end = loop {
        let is_connect = head.iter().zip(METHOD).all(|(byte, letter)| byte == letter);
        if !is_connect {
            line.put_back(head);
            return Tunnel::None(line);
        }
        let end = head.windows(4).position(|four| four == b"\r\n\r\n").map(|end| end + 4);
        // Whoever ends lines otherwise would wait for ever.
        let is_bare = |two: &[u8]| matches!(two, [before, b'\n'] if *before != b'\r');
        if head.get(..end.unwrap_or(head.len())).is_some_and(|head| head.windows(2).any(is_bare)) {
            return refuse(line, "HTTP/1.1", "400 Bad Request").await;
        }
        if let Some(end) = end {
            break end;
        }
        if head.len() > LONGEST || !matches!(line.read_buf(&mut head).await, Ok(1..)) {
            return Tunnel::Refused;
        }
    };
    let after = head.split_off(end);
    let text = String::from_utf8_lossy(&head);
    let parts: Vec<&str> = text.split("\r\n").next().unwrap_or_default().split(' ').collect();
    let &[_, target, version @ ("HTTP/1.0" | "HTTP/1.1")] = parts.as_slice() else {
        return refuse(line, "HTTP/1.1", "400 Bad Request").await;
    };
    let is_ours = HOSTS.into_iter().any(|host| target.eq_ignore_ascii_case(&format!("{host}:443")));
    if !is_ours {
        return refuse(line, version, "403 Forbidden").await;
    }
    // A client of HTTP/1.0 is answered in it.
    let answer = format!("{version} 200 Connection established\r\n\r\n");
    if line.write_all(answer.as_bytes()).await.is_err() {
        return Tunnel::Refused;
    }
    line.put_back(after);
    Tunnel::Open(line)
}

async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(
    mut line: Unread<S>,
    version: &str,
    status: &str,
) -> Tunnel<S> {
    let why = format!("This proxy connects to port 443 of {} and to nothing else.\n", HOSTS.join(", "));
    let answer = format!(
        "{version} {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{why}",
        why.len()
    );
    // Whether it is heard makes no difference.
    let _ = line.write_all(answer.as_bytes()).await;
    let _ = line.shutdown().await;
    Tunnel::Refused
}

const METHOD: &[u8] = b"CONNECT ";
const LONGEST: usize = 16 * 1024;
