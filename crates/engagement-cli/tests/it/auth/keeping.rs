//! What is kept, how, and what is refused.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    thread,
    time::{Duration, Instant},
};

use super::{keep_demo, kept};
use crate::engagement::Folder;

#[test]
fn what_is_typed_is_kept_and_listed_without_secrets() {
    let folder = Folder::new();
    folder.engagement("auth list").run().ends(0).prints_nothing().says(&["auth app"]);
    folder.engagement("auth add").stdin("1111-canary\ncanary-secret\n").run().ends(0).says(&["no app yet"]);
    folder
        .engagement("auth app")
        .stdin("the-key\ncanary-consumer\n")
        .run()
        .ends(0)
        .says(&["credentials.toml"]);
    for form in ["table", "ndjson", "json", "csv", "tsv"] {
        let done = folder.engagement("auth list -o").arg(form).run().ends(0);
        assert!(done.stdout.contains("the-key") && done.stdout.contains("1111"), "{}", done.stdout);
        assert!(!format!("{done:?}").contains("canary"), "{done:?}");
    }
    let list = folder.engagement("auth list -o json").run().ends(0).json();
    assert_eq!(list[1]["kept_in"], kept(&folder).to_str().unwrap());
    assert_eq!(list[1]["user_id"], "1111");
    assert!(list[1]["handle"].is_null() && list[1]["checked_at"].is_null());
    folder.engagement("auth remove 2222").run().ends(4).says(&["2222", "1111"]);
    folder.engagement("auth remove").run().ends(2);
    folder.engagement("auth remove 1111").run().ends(0).says(&["1111", "revoked"]);
    assert_eq!(folder.engagement("auth list").run().ends(0).lines().len(), 1);
    folder.engagement("auth remove --all").run().ends(0);
    folder.engagement("auth list").run().ends(0).prints_nothing();
}

#[test]
fn apps_come_from_files_and_from_the_environment() {
    let folder = Folder::new();
    let key = || folder.engagement("auth list").run().ends(0).lines()[0]["consumer_key"].clone();
    let path = folder.write("app.json", r#"{"consumer_key":"from-file","consumer_secret":"s"}"#);
    folder.engagement("auth app --file").arg(path).run().ends(0);
    assert_eq!(key(), "from-file");
    folder
        .engagement("auth app")
        .env("ENGAGEMENT_CONSUMER_KEY", "from-environment")
        .env("ENGAGEMENT_CONSUMER_SECRET", "s")
        .run()
        .ends(0)
        .says(&["from the environment"]);
    assert_eq!(key(), "from-environment");
    // Of the environment no more than the app is kept, which is said; and it comes first, unless a file is named.
    let both = |run: crate::engagement::Engagement| {
        run.env("ENGAGEMENT_CONSUMER_KEY", "from-environment")
            .env("ENGAGEMENT_CONSUMER_SECRET", "s")
            .env("ENGAGEMENT_ACCESS_TOKEN", "1-t")
            .env("ENGAGEMENT_ACCESS_TOKEN_SECRET", "ts")
    };
    both(folder.engagement("auth app --file -").stdin("from-pipe\ns\n")).run().ends(0);
    assert_eq!(key(), "from-pipe");
    both(folder.engagement("auth app").stdin("from-pipe\ns\n")).run().ends(0).says(&["--file -", "auth add"]);
    assert_eq!(key(), "from-environment");
    assert_eq!(folder.engagement("auth list").run().ends(0).lines().len(), 1);
    folder.engagement("auth app").run().ends(7).says(&["standard input", "consumer secret"]);
    folder.engagement("auth app").stdin("canary").run().ends(7);
    folder.engagement("auth app --file nowhere").run().ends(7).says(&["nowhere"]);
    assert_eq!(key(), "from-environment");
}

#[test]
fn a_pipe_that_nobody_closes_is_not_waited_for() {
    let folder = Folder::new();
    let run = folder.engagement("auth app").stdin("").env("ENGAGEMENT_CONSUMER_KEY", "k");
    let mut command = run.env("ENGAGEMENT_CONSUMER_SECRET", "s").command;
    let mut child = command.spawn().unwrap();
    let open = child.stdin.take();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it waits for its input");
        thread::sleep(Duration::from_millis(10));
    }
    drop(open);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_bearer_token_of_the_environment_is_not_taken_for_the_app() {
    let folder = Folder::new();
    let app = || folder.engagement("auth app").env("ENGAGEMENT_BEARER_TOKEN", "AAAA");
    app().stdin("k\ns\n").run().ends(0);
    let kinds = || folder.engagement("auth list").run().ends(0).lines().len();
    assert_eq!(kinds(), 1);
    app().run().ends(0).says(&["bearer token is taken from the environment"]);
    assert_eq!(kinds(), 2);
}

#[test]
fn another_app_does_not_end_what_the_old_one_was_authorised_for() {
    let folder = Folder::new();
    keep_demo(&folder);
    folder.engagement("auth app").stdin("demo-consumer-key\nrenewed-secret\n").run().ends(0);
    assert_eq!(folder.engagement("auth list").run().ends(0).lines().len(), 2);
    let json =
        r#"[{"access_token":"5-t","access_token_secret":"s","consumer_key":"other","consumer_secret":"s"}]"#;
    for json in [json, json.trim_matches(['[', ']'])] {
        folder.engagement("auth add").stdin(json).run().ends(7).says(&["another app", "--profile"]);
    }
    let before = fs::read_to_string(kept(&folder)).unwrap();
    folder.engagement("auth app").stdin("other\ns\n").run().ends(7).says(&[
        "1 accounts",
        "nothing is changed",
        "--profile",
        "auth remove --all",
    ]);
    assert_eq!(fs::read_to_string(kept(&folder)).unwrap(), before);
    folder.engagement("auth remove demo_brand").run().ends(0);
    folder.engagement("auth app").stdin("other\ns\n").run().ends(0);
    assert_eq!(folder.engagement("auth list").run().ends(0).lines()[0]["consumer_key"], "other");
}

#[test]
fn a_bearer_token_alone_is_the_apps_that_is_there() {
    let folder = Folder::new();
    keep_demo(&folder);
    folder.engagement("auth app").stdin("bearer_token=AAAA\n").run().ends(0).says(&["bearer token is kept"]);
    let kinds: Vec<_> = folder.engagement("auth list").run().ends(0).lines();
    let kinds: Vec<_> = kinds.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["app", "bearer", "account"]);
}

#[test]
fn what_is_no_account_is_not_kept() {
    let folder = Folder::new();
    keep_demo(&folder);
    let before = fs::read_to_string(kept(&folder)).unwrap();
    let add = |words: &str, text: &str| {
        folder.engagement("auth add").args(words.split_whitespace()).stdin(text).run().ends(7)
    };
    add("", "handle,access_token,access_token_secret\ndemo_news,2222-t,s\n").says(&["line 1"]);
    add("", "demo_news 2222-token\n").says(&["line 1"]);
    add("demo_news", "1111-demo-access-token s\n").says(&["one of @demo_brand", "leave out the handle"]);
    add("demo_brand", "2222-demo-access-token s\n").says(&["@demo_brand is kept already"]);
    assert_eq!(fs::read_to_string(kept(&folder)).unwrap(), before);
    folder.engagement("auth add").stdin("\"demo_news\",\"2222-t\",\"s\"\n").run().ends(0);
    folder.engagement("auth add").stdin("opaque s\nother t\n").run().ends(0);
    let list = folder.engagement("auth list").run().ends(0);
    assert_eq!(list.lines().len(), 5);
    assert!(list.stdout.contains("\"demo_news\""), "{}", list.stdout);
}

#[test]
fn the_file_is_private_under_any_umask() {
    for umask in ["000", "022", "077", "177", "277", "377", "777"] {
        let folder = Folder::new();
        for _ in 0..2 {
            let run = folder.engagement("auth app").under_umask(umask).unprivileged(&folder);
            let run = run.env("ENGAGEMENT_CONSUMER_KEY", "k").env("ENGAGEMENT_CONSUMER_SECRET", "s");
            run.run().ends(0);
            let mode = |path: &std::path::Path| fs::metadata(path).unwrap().mode() & 0o7777;
            assert_eq!(mode(&kept(&folder)), 0o600, "umask {umask}");
            assert_eq!(mode(kept(&folder).parent().unwrap()), 0o700, "umask {umask}");
        }
    }
}

#[test]
fn a_file_that_others_can_read_is_refused_with_the_command_to_run() {
    let folder = Folder::new();
    keep_demo(&folder);
    let path = kept(&folder);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let chmod = format!("chmod 600 {}", path.display());
    for words in
        ["totals 20", "auth list", "auth remove --all", "request GET https://api.twitter.com/x --print"]
    {
        folder.engagement(words).run().ends(4).prints_nothing().says(&["read by others (mode 0644)", &chmod]);
    }
    folder.engagement("auth app").stdin("k\ns\n").run().ends(4).says(&[&chmod]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(folder.engagement("auth list").run().ends(0).lines().len(), 2);
}

#[test]
fn a_link_to_elsewhere_is_refused() {
    let folder = Folder::new();
    keep_demo(&folder);
    let path = kept(&folder);
    let elsewhere = folder.path().join("elsewhere.toml");
    fs::rename(&path, &elsewhere).unwrap();
    symlink(&elsewhere, &path).unwrap();
    folder.engagement("totals 20").run().ends(4).says(&["is a link to somewhere else"]);
    folder.engagement("auth app").stdin("k\ns\n").run().ends(4).says(&["is a link"]);
    assert!(fs::read_to_string(&elsewhere).unwrap().contains("demo-consumer-key"));
}

#[test]
fn a_broken_file_is_named_with_its_line() {
    let folder = Folder::new();
    keep_demo(&folder);
    let path = kept(&folder);
    let text = fs::read_to_string(&path).unwrap().replace("consumer_secret = ", "consumer_sekret = ");
    fs::write(&path, text).unwrap();
    let done = folder.engagement("totals 20").run().ends(4).says(&["credentials.toml is broken: line 5"]);
    assert!(!done.stderr.contains("demo-consumer"), "{}", done.stderr);
}

#[test]
fn credentials_are_kept_beside_the_config_file() {
    let folder = Folder::new();
    folder.write("own/settings.toml", "");
    folder.engagement("--config own/settings.toml auth app").stdin("k\ns\n").run().ends(0);
    assert!(fs::exists(folder.path().join("own/credentials.toml")).unwrap());
    assert!(!fs::exists(kept(&folder)).unwrap());
    let mut lost = folder.engagement("auth app").stdin("k\ns\n");
    lost.command.env_remove("HOME").env_remove("XDG_CONFIG_HOME");
    lost.run().ends(8).says(&["HOME"]);
}
