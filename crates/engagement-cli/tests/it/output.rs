//! Where data goes: standard output, `--out`, and places that take none.

use std::{
    fs::{self, File},
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    process::Stdio,
};

use crate::{accounting::adds_up, engagement::Folder, server::Server};

#[test]
fn a_file_appears_whole_and_alone() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let before = folder.names();
    folder
        .engagement("totals --metrics favorites -o csv --out rows.csv")
        .arg(server.tweet("unowned"))
        .app(&server)
        .run()
        .ends(0)
        .prints_nothing();
    assert_eq!(folder.read("rows.csv").lines().count(), 2);
    let mut after = before;
    after.push("rows.csv".to_owned());
    after.sort();
    assert_eq!(folder.names(), after);
}

#[test]
fn a_file_that_is_there_stays_as_it_is_when_the_run_fails() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    folder.write("rows", "before");
    folder
        .engagement("totals --metrics impresions --out rows")
        .arg(server.tweet("unowned"))
        .app(&server)
        .run()
        .ends(2);
    assert_eq!(folder.read("rows"), "before");
}

#[test]
fn a_full_disk_is_a_storage_error() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let id = server.tweet("unowned");
    for words in [
        "totals --metrics favorites -o ndjson",
        "totals --metrics favorites -o table",
        "totals --metrics favorites -o csv --wide",
    ] {
        let mut run = folder.engagement(words).arg("--summary").arg("s.json").arg(&id).app(&server);
        run.command.stdout(File::options().write(true).open("/dev/full").unwrap());
        run.run().ends(8).says(&["No space left"]);
        adds_up(&folder.json("s.json"));
    }
    folder
        .engagement("totals --metrics favorites --summary /dev/full")
        .arg(&id)
        .app(&server)
        .run()
        .ends(8)
        .says(&["/dev/full"]);
    let mut run = folder.engagement("ids -").stdin(id);
    run.command.stdout(File::options().write(true).open("/dev/full").unwrap());
    run.run().ends(8);
    let mut run = folder.engagement("completions bash");
    run.command.stdout(File::options().write(true).open("/dev/full").unwrap());
    run.run().ends(8);
}

#[test]
fn a_place_that_cannot_be_written_is_told_before_a_request_is_spent() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let id = server.tweet("unowned");
    let run = |words: &str| folder.engagement(words).arg(&id).app(&server).run().ends(8).prints_nothing();
    run("totals --out nowhere/rows").says(&["nowhere/rows"]);
    run("totals --out .").says(&["folder"]);
    run("totals --summary nowhere/s.json").says(&["nowhere/s.json"]);
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    // Nothing is closed to the superuser.
    if File::create(closed.join("probe")).is_err() {
        run("totals --out closed/rows").says(&["closed/rows"]);
    }
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let ids = folder.write("ids", server.tweets("unowned", 1000).join("\n"));
    for form in ["ndjson", "csv", "tsv", "json", "table", "csv --wide", "ndjson --wide"] {
        let words = format!("totals --concurrency 1 -o {form} --ids");
        let mut child = folder.engagement(&words).arg(&ids).app(&server).spawn();
        let mut first = [0; 1];
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut first).unwrap();
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains("panicked") && !stderr.contains("error"), "{form}: {stderr}");
        assert_eq!(output.status.code(), Some(0), "{form}: {stderr}");
    }

    for words in ["--help", "completions bash", "ids ids"] {
        let mut child = folder.engagement(words).spawn();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains("panicked"), "{words}: {stderr}");
    }
}

#[test]
fn nobody_listening_on_standard_error() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let mut run =
        folder.engagement("totals -vv --metrics favorites").arg(server.tweet("unowned")).app(&server);
    run.command.stderr(Stdio::piped());
    let mut child = run.spawn();
    drop(child.stderr.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 1);
}

#[test]
fn standard_output_carries_data_only() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    server.post(
        "/_emulator/faults",
        r#"[{"endpoint":"any","nth":1,"status":503},{"endpoint":"any","nth":2,"drop":true},{"endpoint":"any","nth":3,"truncate_gzip":true}]"#,
    );
    let done = folder
        .engagement("totals -vv --progress always --color always --metrics favorites")
        .arg(server.tweet("unowned"))
        .arg(server.tweet("unavailable"))
        .app(&server)
        .run()
        .ends(0);
    assert_eq!(done.lines().len(), 2);
    assert!(done.stderr.contains("attempt 2"), "{}", done.stderr);
}

#[test]
fn quiet_prints_errors_only() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let run = |words: &str| folder.engagement(words).app(&server).run();
    let id = server.tweet("unowned");
    assert_eq!(run(&format!("totals {id} --quiet")).ends(0).stderr, "");
    assert!(run(&format!("totals {id} --quiet --metrics nope")).ends(2).stderr.starts_with("error: "));
}

#[test]
fn messages_as_json_lines() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let done = folder
        .engagement("totals --log-format json -v")
        .arg(server.tweet("unowned"))
        .app(&server)
        .run()
        .ends(0);
    for line in done.stderr.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["level"].is_string() && line["message"].is_string(), "{line}");
    }
    assert!(!done.stderr.is_empty());
}

#[test]
fn colour_only_where_it_is_wanted() {
    let folder = Folder::new();
    let run = |words: &str| folder.engagement(words).run().ends(2).stderr;
    let bad = "totals 20 --dry-run --metrics nope";
    assert!(!run(bad).contains('\u{1b}'));
    assert!(run(&format!("{bad} --color always")).contains('\u{1b}'));
    let quiet = folder.engagement(bad).env("NO_COLOR", "1").env("CLICOLOR_FORCE", "0").run().ends(2).stderr;
    assert!(!quiet.contains('\u{1b}'));
    let unread = "totals 20 --frobnicate --color";
    assert!(run(&format!("{unread} always")).contains('\u{1b}'));
    assert!(!run(&format!("{unread}=never")).contains('\u{1b}'));
    let twin =
        folder.engagement("totals --frobnicate").env("ENGAGEMENT_COLOR", "always").run().ends(2).stderr;
    assert!(twin.contains('\u{1b}'));
}

#[test]
fn a_parquet_file_is_named_and_whole() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let ids = server.tweets("owned", 3);
    let run = |words: &str| folder.engagement(words).args(&ids).brand(&server).run();
    run("totals --metrics favorites -o parquet --out rows.parquet").ends(0).prints_nothing();
    let file = fs::read(folder.path().join("rows.parquet")).unwrap();
    assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1"), "{} bytes", file.len());
    let before = server.requests();
    run("totals -o parquet").ends(2).says(&["--out FILE"]).prints_nothing();
    run("28hr -o parquet --out rows.parquet --wide").ends(2).says(&["--wide"]);
    run("totals --metrics favorites -o parquet --out nowhere/rows.parquet").ends(8).says(&["nowhere"]);
    assert_eq!(server.requests(), before);
    run("totals --metrics favorites -o parquet --out /dev/full").ends(8).says(&["No space left"]);
    folder.engagement("ids -o parquet").stdin(ids.join("\n")).run().ends(2).says(&["Parquet"]);
}
