//! Being told to stop.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use crate::{accounting::adds_up, engagement::Folder, export::collect_days, server::Server};

#[test]
fn a_wait_for_quota_ends_at_once() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let folder = Folder::new();
        let server = Server::with(&folder, "--quota 2/min");
        let list = folder.write("ids", server.tweets("unowned", 1000).join("\n"));
        let mut child = folder
            .engagement("totals --concurrency 1 --summary s.json --metrics favorites --out rows --ids")
            .arg(&list)
            .app(&server)
            .spawn();
        let said = read_until(&mut child, "going on in");
        assert!(said.contains("the quota of this minute is used up"), "{said}");
        let begun = Instant::now();
        send(signal, &child);
        let output = child.wait_with_output().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        assert_eq!(output.status.code(), Some(code));
        let summary = adds_up(&folder.json("s.json"));
        assert_eq!((&summary["asked"], &summary["ok"]), (&1000.into(), &500.into()));
        assert_eq!(summary["unaccounted"], 500);
        assert_eq!(folder.read("rows").lines().count(), 1000);
    }
}

#[test]
fn an_answer_that_does_not_come_is_not_waited_for() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let id = server.tweet("unowned");
    server.post("/_emulator/faults", r#"[{"endpoint":"totals","every":1,"delay_ms":60000}]"#);
    let mut child = folder.engagement("totals -vv -o json --summary s.json").arg(&id).app(&server).spawn();
    read_until(&mut child, "attempt 1");
    let begun = Instant::now();
    send("TERM", &child);
    send("TERM", &child);
    let output = child.wait_with_output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(output.status.code(), Some(143));
    let rows: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(rows.as_array().unwrap().iter().all(|row| row["state"] == "unaccounted"), "{rows}");
    let summary = adds_up(&folder.json("s.json"));
    assert_eq!((&summary["unaccounted"], &summary["requests"]), (&1.into(), &1.into()));
}

#[test]
fn what_was_sent_before_a_signal_is_counted() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let id = server.tweet("unowned");
    let refusals = r#"[{"endpoint":"totals","nth":1,"status":503},
        {"endpoint":"totals","nth":2,"status":429,"header":{"retry-after":"60"}}]"#;
    server.post("/_emulator/faults", refusals);
    let mut child = folder.engagement("totals --summary s.json").arg(&id).app(&server).spawn();
    read_until(&mut child, "going on in");
    send("INT", &child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let summary = adds_up(&folder.json("s.json"));
    assert_eq!((&summary["requests"], &summary["retries"]), (&2.into(), &1.into()));
    assert_eq!(server.requests(), 2);
}

#[test]
fn a_reader_that_takes_nothing_is_not_waited_for() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let list = folder.write("ids", server.tweets("unowned", 5000).join("\n"));
    let mut child =
        folder.engagement("totals --quiet --summary s.json --ids").arg(&list).app(&server).spawn();
    // What one request brings is more than a pipe holds, so with its first byte all writing stands still.
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    send("INT", &child);
    assert_eq!(soon(child).code(), Some(130));
    adds_up(&folder.json("s.json"));
}

#[test]
fn the_emulator_ends_by_signal() {
    let folder = Folder::new();
    let child = folder.engagement("emulator --ready-file ready").spawn();
    wait_until(|| folder.path().join("ready").exists());
    let ready = folder.read("ready");
    assert!(ready.starts_with("http://127.0.0.1:"));
    send("TERM", &child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("listening on {ready}"));
    assert!(!folder.path().join("ready").exists());
}

#[test]
fn the_request_command_stops_too() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    server.post("/_emulator/faults", r#"[{"endpoint":"any","every":1,"delay_ms":60000}]"#);
    let mut child = folder
        .engagement("request -vv POST /insights/engagement/totals -d {} -H content-type:application/json")
        .app(&server)
        .spawn();
    read_until(&mut child, "attempt 1");
    send("INT", &child);
    assert_eq!(soon(child).code(), Some(130));
}

#[test]
fn an_export_that_is_stopped_leaves_what_was_there() {
    let folder = Folder::new();
    collect_days(&folder, 400);
    let lake = folder.path().join("lake");
    let export = || folder.engagement("export --store s.db --format parquet --out lake");
    let stop = |signal, code| {
        let child = export().spawn();
        // It writes, out of sight.
        wait_until(|| lake.join("_engagement/staging/series").exists());
        send(signal, &child);
        assert_eq!(child.wait_with_output().unwrap().status.code(), Some(code));
        assert!(!lake.join("_engagement/staging").exists());
    };
    stop("TERM", 143);
    assert_eq!(files(&lake), ["_engagement/dataset.json", "_engagement/lock"]);
    export().run().ends(0).says(&["commit 1"]);
    let whole = files(&lake);
    assert!(whole.iter().filter(|path| path.starts_with("series/dt=")).count() >= 400);
    stop("INT", 130);
    assert_eq!(files(&lake), whole);
    export().run().ends(0).says(&["commit 2"]);
}

/// All that lies below a folder, by path.
fn files(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else {
                found.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.sort();
    found
}

fn send(signal: &str, child: &Child) {
    let status = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// What is said on standard error up to the line with these words.
fn read_until(child: &mut Child, words: &str) -> String {
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains(words) {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    // What comes after it is read and thrown away.
    thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    said
}

/// How it ends, which must not be after what it was to wait for.
fn soon(mut child: Child) -> ExitStatus {
    let mut status = None;
    wait_until(|| {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap()
}

fn wait_until(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "waited in vain");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_command_for_credentials_is_ended_too() {
    let folder = Folder::new();
    folder.write(
        "config/engagement/config.toml",
        "default_profile = \"work\"\n[profiles.work]\ncredential_command = \"echo $$ > part; mv part pid; exec sleep 60\"\n",
    );
    let commands = ["totals 20", "auth check", "auth list", "auth login --pin", "request GET https://x.com/"];
    for (command, (signal, code)) in
        commands.into_iter().zip([("INT", 130), ("TERM", 143)].into_iter().cycle())
    {
        let run = folder.engagement(command).env("PATH", std::env::var_os("PATH").unwrap());
        let child = run.spawn();
        let path = folder.path().join("pid");
        while !path.exists() {
            thread::yield_now();
        }
        let begun = Instant::now();
        send(signal, &child);
        let output = child.wait_with_output().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(2), "{command}: {:?}", begun.elapsed());
        assert_eq!(output.status.code(), Some(code), "{command}");
        assert!(!Path::new("/proc").join(folder.read("pid").trim()).exists(), "{command}");
        fs::remove_file(path).unwrap();
    }
}
