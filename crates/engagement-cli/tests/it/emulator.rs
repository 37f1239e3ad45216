//! `engagement emulator` and its options.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

use crate::{engagement::Folder, server::Server};

#[test]
fn tells_its_rules_with_evidence_and_switch() {
    let done = Folder::new().engagement("emulator --rules").run();
    assert_eq!(done.code, Some(0));
    for number in 1..=16 {
        assert!(done.stdout.contains(&format!("\nV{number} ")), "V{number}");
    }
    let line = done.stdout.lines().find(|line| line.contains("counts are decimal strings")).unwrap();
    assert!(line.starts_with("3.1 ") && line.ends_with(" D  counts are decimal strings [--switch numbers]"));
    assert!(done.stdout.ends_with("E a guess of ours\n"));
}

#[test]
fn a_switch_adds_to_those_of_the_world() {
    let folder = Folder::new();
    folder.write("world.toml", "[switches]\nrequire-gzip = false\n");
    let server = Server::with(&folder, "--world world.toml --switch numbers=true");
    let host = server.url().strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(host).unwrap();
    let head = "POST /insights/engagement/totals HTTP/1.1\r\nconnection: close\r\ncontent-length: 0\r\n";
    write!(connection, "{head}host: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    // Otherwise it would be 406 before it is 401.
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

#[test]
fn the_clock_takes_a_date() {
    let folder = Folder::new();
    let server = Server::with(&folder, "--now 2024-03-01");
    assert!(server.get("/_emulator/world")["now"].as_str().unwrap().starts_with("2024-03-01T00:00:"));
    let done = folder.engagement("emulator --now soon").run();
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("2024-03-01T07:00:00Z"), "{}", done.stderr);
}

#[test]
fn the_ready_file_is_of_this_run() {
    let folder = Folder::new();
    folder.write("stale", "http://127.0.0.1:1\n");
    let done = folder.engagement("emulator --ready-file stale --now 1999-01-01").run();
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(!folder.path().join("stale").exists());

    let running = TcpListener::bind("127.0.0.1:0").unwrap();
    let theirs = format!("http://{}\n", running.local_addr().unwrap());
    folder.write("theirs", &theirs);
    let words = format!("emulator --ready-file theirs --listen {}", running.local_addr().unwrap());
    let done = folder.engagement(&words).run();
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(done.stderr.contains("Address already in use"), "{}", done.stderr);
    assert_eq!(folder.read("theirs"), theirs);

    let done = folder.engagement("emulator --ready-file no/such/folder").run();
    assert_eq!((done.code, done.stdout.as_str()), (Some(8), ""), "{}", done.stderr);
}

#[test]
fn a_public_url_is_what_is_signed_for() {
    let folder = Folder::new();
    let server = Server::with(&folder, "--public-url https://api.example");
    let done = folder.engagement("totals 1700000000000000001").brand(&server).run();
    assert_eq!(done.code, Some(4), "{}", done.stderr);
    assert!(done.stderr.contains("https://api.example"), "{}", done.stderr);
    for url in ["api.example", "https://", "https://api.example/path", "ftp://api.example"] {
        let done = folder.engagement("emulator --public-url").arg(url).run();
        assert_eq!(done.code, Some(2), "{url}");
    }
}
