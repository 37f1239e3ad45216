//! No output takes the place of a file that the same command reads or keeps.

use std::{fs, os::unix::fs::symlink};

use crate::engagement::Folder;

/// Runs the words, which must be refused with the options named and every file left as it is.
#[track_caller]
fn refused(folder: &Folder, words: &str, names: &[&str]) {
    let contents = |folder: &Folder| -> Vec<(String, Vec<u8>)> {
        let names = folder.names();
        names
            .into_iter()
            .filter_map(|name| Some((name.clone(), fs::read(folder.path().join(name)).ok()?)))
            .collect()
    };
    let before = contents(folder);
    folder.engagement(words).run().ends(2).prints_nothing().says(names);
    assert_eq!(contents(folder), before, "{words}");
}

fn prepared() -> Folder {
    let folder = Folder::new();
    folder.write("one", "1763000000000000001\n");
    folder.write("owners", "tweet_id,handle\n1763000000000000001,demo_brand\n");
    folder.engagement("--profile emulator collect --endpoint totals --ids one --store p.db").run();
    assert!(folder.names().contains(&"p.db".to_owned()));
    folder
}

#[test]
fn a_store_is_never_written_over() {
    let folder = prepared();
    symlink("p.db", folder.path().join("link")).unwrap();
    fs::hard_link(folder.path().join("p.db"), folder.path().join("twin")).unwrap();
    for words in [
        "export --store p.db --format csv --out p.db",
        "export --store p.db --format parquet --out p.db",
        "export --store p.db --out ./p.db",
        "export --store p.db --out link",
        "export --store link --out p.db",
        "export --store p.db --out twin",
        "export --store p.db --out p.db-wal",
        "export --store link --out p.db-shm",
        "top --store p.db --by favorites --out p.db",
        "usage --store p.db --out p.db-journal",
        "jobs list --store p.db --out p.db",
        "jobs show 1 --store p.db --out p.db-lock",
        "doctor --store p.db --out p.db",
    ] {
        refused(&folder, words, &["--out", "--store"]);
    }
    for words in
        ["--store p.db --summary p.db", "--store p.db --summary p.db-wal", "--store new.db --summary new.db"]
    {
        let words = format!("--profile emulator collect --endpoint totals --ids one {words}");
        refused(&folder, &words, &["--summary", "--store"]);
    }
    refused(
        &folder,
        "--profile emulator collect --endpoint totals --ids one --store one",
        &["--store one would take the place of --ids one"],
    );
}

#[test]
fn a_link_that_leads_nowhere_yet_is_followed() {
    let folder = prepared();
    symlink("new.db", folder.path().join("link")).unwrap();
    let words = "--profile emulator collect --endpoint totals --ids one --store link --summary";
    refused(&folder, &format!("{words} new.db"), &["--summary", "--store"]);
    refused(&folder, &format!("{words} new.db-wal"), &["--summary", "--store"]);
}

#[test]
fn what_is_read_is_never_written_over() {
    let folder = prepared();
    folder.write("config/engagement/config.toml", "[profiles.mine]\nca_file = \"ca.pem\"\n");
    folder.write("ca.pem", "");
    folder.write("token", "secret");
    let asking = "--profile emulator totals --ids one --owners owners";
    for (words, names) in [
        (format!("{asking} --out one"), ["--out one", "--ids one"]),
        (format!("{asking} --summary one"), ["--summary one", "--ids one"]),
        (format!("{asking} --out owners"), ["--out owners", "--owners owners"]),
        (format!("{asking} --out rows --summary rows"), ["--out rows", "--summary rows"]),
        (format!("{asking} --out config/engagement/config.toml"), ["--out", "the config file"]),
        (format!("{asking} --out config/engagement/credentials.toml"), ["--out", "the credentials"]),
        (format!("{asking} --out ca.pem"), ["--out", "the ca_file"]),
        ("totals 20 --ca-file ca.pem --out ca.pem".to_owned(), ["--out ca.pem", "--ca-file"]),
        ("ids one --out one".to_owned(), ["--out one", "the list one"]),
        ("doctor --out engagement.db".to_owned(), ["--out engagement.db", "--store engagement.db"]),
        ("auth import --from twurl --out .twurlrc".to_owned(), ["--out .twurlrc", "the client's file"]),
        ("request GET /x --data @one --out one".to_owned(), ["--out one", "--data one"]),
        ("emulator --world one --ready-file one".to_owned(), ["--ready-file one", "--world one"]),
        ("emulator --tls --write-ca ca --ready-file ca".to_owned(), ["--ready-file ca", "--write-ca ca"]),
    ] {
        refused(&folder, &words, &names);
    }
    let list = fs::File::open(folder.path().join("one")).unwrap();
    let mut run = folder.engagement("ids - --out one");
    run.command.stdin(list);
    run.run().ends(2).says(&["--out one"]);
    let mut run = folder.engagement("request POST http://127.0.0.1:1/ --data @- --out one");
    run.command.stdin(fs::File::open(folder.path().join("one")).unwrap());
    run.run().ends(2).says(&["--out one", "--data"]);
    let run = folder.engagement("totals 20 --out token").env("ENGAGEMENT_BEARER_TOKEN_FILE", "token");
    run.run().ends(2).says(&["--out token", "ENGAGEMENT_BEARER_TOKEN_FILE"]);
    assert_eq!(
        (folder.read("one"), folder.read("token")),
        ("1763000000000000001\n".to_owned(), "secret".to_owned())
    );
}

#[test]
fn devices_and_other_files_are_nobodys() {
    let folder = prepared();
    symlink("rows", folder.path().join("link")).unwrap();
    let words = "--profile emulator totals --ids one --summary /dev/null --out";
    folder.engagement(&format!("{words} /dev/null")).run();
    folder.engagement(&format!("{words} link")).run();
    assert!(fs::symlink_metadata(folder.path().join("link")).unwrap().is_symlink());
    assert!(folder.read("rows").contains("1763000000000000001"));
}

#[test]
fn a_url_is_no_file() {
    let folder = prepared();
    for (words, url) in [
        ("export --store p.db --format parquet --out gs://b/x", "gs://"),
        ("export --store p.db --format parquet --out file:///tmp/x", "file://"),
        ("top --store p.db --by favorites --out s3://b/x", "s3://"),
        ("--profile emulator totals --ids one --summary s3://b/x", "s3://"),
        ("--profile emulator collect --endpoint totals --ids one --store postgres://h/d", "postgres://"),
    ] {
        refused(&folder, words, &[url, "export --format parquet"]);
    }
    folder
        .engagement("export --store p.db --out s3://b/x")
        .run()
        .ends(2)
        .says(&["only a data set goes to S3"]);
}
