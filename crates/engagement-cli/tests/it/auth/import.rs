//! `engagement auth import`: dry, and then not.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::kept;
use crate::{engagement::Folder, server::Server};

const TWURLRC: &str = "---
profiles:
  demo_brand:
    demo-consumer-key:
      username: demo_brand
      consumer_key: demo-consumer-key
      consumer_secret: demo-consumer-secret
      token: 1111-demo-access-token
      secret: demo-token-secret
  12345:
    other-key:
      consumer_secret: canary-other
      token: 12345-canary
      secret: 0x10
configuration:
  default_profile:
  - demo_brand
  - demo-consumer-key
bearer_tokens:
  demo-consumer-key: AAAAdemo%3Dtoken
";

#[test]
fn a_twurlrc_is_shown_first_and_then_taken() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    folder.engagement("auth import --from twurl").run().ends(7).says(&[".twurlrc", "name another file"]);
    folder.write(".twurlrc", TWURLRC);
    let dry = folder.engagement("auth import --from twurl").run().ends(0).says(&["would be taken", "--yes"]);
    assert!(!kept(&folder).exists());
    let shown: Vec<_> = dry
        .lines()
        .iter()
        .map(|line| format!("{} {} {}", line["profile"], line["kind"], line["handle"]))
        .collect();
    assert_eq!(
        shown,
        [
            "\"default\" \"app\" null",
            "\"default\" \"bearer\" null",
            "\"default\" \"account\" \"demo_brand\"",
            "\"default-2\" \"app\" null",
            "\"default-2\" \"account\" \"12345\""
        ]
    );
    let done = folder.engagement("auth import --from twurl --yes").run().ends(0).says(&["taken from"]);
    assert_eq!(done.stdout, dry.stdout);
    assert!(!format!("{dry:?}{done:?}").contains("canary"));
    // Again: everything has its place already.
    let again = folder.engagement("auth import --from twurl --yes").run().ends(0);
    assert_eq!(again.stdout, dry.stdout.replace("\"new\"", "\"same\""));
    let changed = TWURLRC.replace("secret: demo-token-secret", "secret: another-secret");
    let changed = folder.write("changed", changed);
    fs::set_permissions(&changed, fs::Permissions::from_mode(0o600)).unwrap();
    let done = folder.engagement("auth import --from twurl changed").run().ends(0);
    let actions: Vec<_> =
        done.lines().iter().map(|line| line["action"].as_str().unwrap().to_owned()).collect();
    assert_eq!(actions, ["same", "same", "replaces", "same", "same"]);
    assert!(!done.stderr.contains("read by others"), "{}", done.stderr);
    done.says(&["1 of them in place of others"]);
    folder
        .engagement("totals --metrics impressions --base-url")
        .args([server.url(), &server.tweet("owned")])
        .run()
        .ends(0);
}

#[test]
fn the_other_clients() {
    let folder = Folder::new();
    let kinds = |words: &str| {
        let done = folder.engagement("auth import --from").args(words.split_whitespace()).run().ends(0);
        done.lines()
            .iter()
            .map(|line| line["kind"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    folder.write(
        ".xurl",
        r#"{"oauth1_tokens":{"oauth1":{"access_token":"1-a","token_secret":"b","consumer_key":"k","consumer_secret":"s"}}}"#,
    );
    assert_eq!(kinds("xurl"), "app account");
    folder.write(".twitter_api_creds", "engagement:\n  consumer_key: k\n  consumer_secret: s\n");
    assert_eq!(kinds("gnip-yaml"), "app");
    folder.write(".env", "TWITTER_BEARER_TOKEN=AAAA\n");
    assert_eq!(kinds("env .env"), "bearer");
    let done = folder
        .engagement("auth import --from env")
        .env("TWITTER_CONSUMER_KEY", "k")
        .env("TWITTER_CONSUMER_SECRET", "s")
        .run()
        .ends(0)
        .says(&["the environment"]);
    assert_eq!(done.lines().len(), 1);
    folder.engagement("auth import --from env").run().ends(7).says(&["there is no credential"]);
    folder.engagement("auth import --from wget").run().ends(2);
}

#[test]
fn broken_yaml_is_named_by_its_line() {
    let folder = Folder::new();
    folder.write("broken", "profiles:\n  a:\n    canary: [\n");
    let done = folder.engagement("auth import --from twurl broken").run().ends(7).prints_nothing();
    assert!(!done.stderr.contains("canary"), "{}", done.stderr);
    done.says(&["broken: its YAML cannot be read at line", "mend it"]);
}

#[test]
fn a_profile_that_is_named_is_where_it_goes() {
    let folder = Folder::new();
    let import =
        |words: &str| folder.engagement("auth import --yes --from").args(words.split_whitespace()).run();
    let profiles = |words: &str| -> Vec<String> {
        let done = import(words).ends(0);
        done.lines().iter().map(|line| line["profile"].as_str().unwrap().to_owned()).collect()
    };
    folder.write(".env", "TWITTER_CONSUMER_KEY=k\nTWITTER_CONSUMER_SECRET=s\n");
    assert_eq!(profiles("env .env"), ["default"]);
    assert_eq!(profiles("env .env"), ["default"]);
    assert_eq!(profiles("env .env --profile work"), ["work"]);
    folder.write("other", "TWITTER_CONSUMER_KEY=l\nTWITTER_CONSUMER_SECRET=s\n");
    import("env other --profile work").ends(7).says(&["keeps another app"]);
    // A file's default is nobody's choice for this one.
    folder.write("own/config.toml", "default_profile = \"home\"\n[profiles.home]\n");
    assert_eq!(profiles("env .env --config own/config.toml"), ["home"]);
    assert_eq!(profiles("env other --config own/config.toml"), ["home-2"]);
    folder.write("bearer", "TWITTER_BEARER_TOKEN=AAAA\n");
    for _ in 0..2 {
        assert_eq!(profiles("env bearer"), ["default-2"]);
    }
}

#[test]
fn a_file_that_others_can_read_is_taken_with_a_warning() {
    let folder = Folder::new();
    let path = folder.write(".twurlrc", TWURLRC);
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    folder
        .engagement("auth import --from twurl")
        .run()
        .ends(0)
        .says(&["read by others (mode 0644)", "chmod 600"]);
}
