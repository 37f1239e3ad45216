use super::*;

/// What came, in a form to compare.
fn shown(import: &Import) -> Vec<String> {
    let text = |secret: &Secret| secret.expose().to_owned();
    import
        .apps
        .iter()
        .map(|app| {
            let consumer = app
                .consumer
                .as_ref()
                .map(|consumer| format!("{}:{}", text(&consumer.key), text(&consumer.secret)));
            let accounts: Vec<_> = app
                .accounts
                .iter()
                .map(|account| {
                    format!("{}={}:{}", account.name(), text(&account.token), text(&account.secret))
                })
                .collect();
            format!("{consumer:?} {:?} {}", app.bearer.as_ref().map(text), accounts.join(" "))
        })
        .collect()
}

const TWURLRC: &str = "\
---
profiles:
  demo_brand:
    demo-consumer-key:
      username: demo_brand
      consumer_key: demo-consumer-key
      consumer_secret: demo-consumer-secret
      token: 1111-demo-access-token
      secret: demo-token-secret
  demo_news:
    demo-consumer-key:
      username: demo_news
      consumer_key: demo-consumer-key
      consumer_secret: demo-consumer-secret
      token: 2222-x
      secret: y
    aaa-other-key:
      consumer_secret: o
      token: 2222-z
      secret: w
configuration:
  default_profile:
  - demo_news
  - demo-consumer-key
aliases:
  t: \"/insights/engagement/totals\"
bearer_tokens:
  demo-consumer-key: AAAAdemo%3Dtoken
  forgotten: BBBB
";

#[test]
fn a_twurlrc_gives_each_app_its_accounts_the_default_first() {
    let import = Client::Twurl.read(TWURLRC).unwrap();
    assert_eq!(
        shown(&import),
        [
            "Some(\"demo-consumer-key:demo-consumer-secret\") Some(\"AAAAdemo%3Dtoken\") demo_news=2222-x:y \
             demo_brand=1111-demo-access-token:demo-token-secret",
            "Some(\"aaa-other-key:o\") None demo_news=2222-z:w",
            "None Some(\"BBBB\") ",
        ]
    );
    assert_eq!(import.notes, [""; 0]);
}

#[test]
fn odd_scalars_are_text_as_they_are_written() {
    let text = "profiles:
  12345:
    007:
      consumer_secret: 1e5
      token: 1111-0x10
      secret: 0777
  'yes':
    007: {consumer_secret: 1e5, token: \"2222-\\u0061\", secret: no}
  null:
    007: {consumer_secret: 1e5, token: 3333-x, secret: 1_000}
  empty:
    008: {consumer_secret: , token: t, secret: s}
  half:
    009: {consumer_secret: s, token: ~}
";
    let import = Client::Twurl.read(text).unwrap();
    assert_eq!(
        shown(&import),
        [
            "Some(\"007:1e5\") None 12345=1111-0x10:0777 null=3333-x:1_000 yes=2222-a:no",
            "Some(\"009:s\") None "
        ]
    );
    assert_eq!(
        import.notes,
        [
            "@empty has no consumer_secret, and is left out",
            "@half has no token and secret: its app alone is taken"
        ]
    );
}

#[test]
fn a_twurlrc_without_anything_is_named() {
    for text in
        ["", "---\n", "profiles: {}\nconfiguration: {}\n", "profiles:\nbearer_tokens:\n", "unrelated: true"]
    {
        assert!(matches!(Client::Twurl.read(text), Err(ImportError::Nothing { .. })), "{text:?}");
    }
}

#[test]
fn broken_yaml_is_named_by_its_line_and_shows_nothing() {
    for text in [
        "profiles:\n  a:\n    canary: [",
        "profiles:\n  a: canary-secret-here\n",
        "profiles:\n\t- canary",
        "profiles: &a\n  x: *canary\n",
        "bearer_tokens:\n  a: canary\n  a: canary\n",
    ] {
        let error = Client::Twurl.read(text).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("YAML") && shown.contains("line") && !shown.contains("canary"), "{shown}");
    }
}

#[test]
fn both_forms_of_xurls_file_are_read() {
    let json = r#"{"oauth2_tokens":{"someone":{"type":"oauth2","oauth2":{"access_token":"no","expiration_time":1}}},
        "oauth1_tokens":{"type":"oauth1","oauth1":{"access_token":"1111-a","token_secret":"b","consumer_key":"k",
        "consumer_secret":"s"}},"bearer_token":{"type":"bearer","bearer":"AAAA%3D"}}"#;
    let import = Client::Xurl.read(json).unwrap();
    assert_eq!(shown(&import), ["Some(\"k:s\") Some(\"AAAA%3D\") 1111=1111-a:b"]);
    assert_eq!(import.notes, ["OAuth 2.0 tokens are of no use for the Engagement API"]);

    let yaml = "apps:
  default:
    client_id: no
    oauth2_tokens: {}
    bearer_token: {type: bearer, bearer: 12345678}
  mine:
    oauth1_token:
      type: oauth1
      oauth1: {access_token: 1111-a, token_secret: b, consumer_key: k, consumer_secret: s}
default_app: mine
";
    let import = Client::Xurl.read(yaml).unwrap();
    assert_eq!(shown(&import), ["Some(\"k:s\") None 1111=1111-a:b", "None Some(\"12345678\") "]);
    let only = Client::Xurl.read("oauth2_tokens: {a: {type: oauth2}}").unwrap_err();
    assert!(only.to_string().contains("OAuth 2.0"), "{only}");
}

#[test]
fn the_python_clients_file_is_read() {
    let text = "engagement:\n  consumer_key: k\n  consumer_secret: s\n  token: 1111-t\n  token_secret: ts\n  \
                url: https://data-api.twitter.com/insights/engagement\n";
    let import = Client::GnipYaml.read(text).unwrap();
    assert_eq!(shown(&import), ["Some(\"k:s\") None 1111=1111-t:ts"]);
    assert!(import.notes[0].contains("its url is not taken over"));
    let half = Client::GnipYaml.read("engagement:\n  consumer_key: canary\n").unwrap_err();
    assert_eq!(half.to_string(), "consumer_key is there and consumer_secret is not");
    assert!(matches!(Client::GnipYaml.read("search: {}"), Err(ImportError::Nothing { .. })));
}

#[test]
fn variables_are_read_from_a_file_or_from_the_environment() {
    let text = "A=b\nTWITTER_CONSUMER_KEY=k\nTWITTER_CONSUMER_SECRET='s'\nTWITTER_BEARER_TOKEN=AAAA\n";
    let wanted = ["Some(\"k:s\") Some(\"AAAA\") "];
    assert_eq!(shown(&Client::Env.read(text).unwrap()), wanted);
    let variables = [("CONSUMER_KEY", "k"), ("CONSUMER_SECRET", "s"), ("BEARER_TOKEN", "AAAA")];
    let variables = variables.map(|(name, value)| (format!("TWITTER_{name}"), value.to_owned()));
    assert_eq!(shown(&Client::read_variables(variables).unwrap()), wanted);
    assert!(Client::read_variables([("PATH".to_owned(), "x".to_owned())]).is_err());
}

#[test]
fn what_is_null_is_nothing_and_a_default_that_is_no_pair_is_none() {
    for null in ["null", "~", ""] {
        let text = format!("{APP}bearer_tokens:\n  k: {null}\n");
        assert_eq!(shown(&Client::Twurl.read(&text).unwrap()), ["Some(\"k:s\") None a=1-t:ts"], "{null}");
    }
    for default in ["a", "7", "[a]", "~", "no", "{a: k}"] {
        let text = format!("{APP}configuration:\n  default_profile: {default}\n");
        let read = Client::Twurl.read(&text);
        match default {
            "{a: k}" => assert!(read.is_err()),
            _ => assert_eq!(shown(&read.unwrap()).len(), 1, "{default}"),
        }
    }
}

#[test]
fn line_ends_after_values_are_left_out_and_said() {
    let text = APP.replace("token: 1-t", "token: |\n        1-t");
    let import = Client::Twurl.read(&text).unwrap();
    assert_eq!(shown(&import), ["Some(\"k:s\") None a=1-t:ts"]);
    assert_eq!(import.notes, ["the token of @a ends with a line end, which is left out"]);
}

#[test]
fn tokens_without_an_app_are_named() {
    let text =
        "oauth1_tokens: {oauth1: {access_token: 1-t, token_secret: ts}}\nbearer_token: {bearer: AAAA}\n";
    let import = Client::Xurl.read(text).unwrap();
    assert_eq!(shown(&import), ["None Some(\"AAAA\") "]);
    assert!(import.notes[0].contains("no consumer_key"), "{:?}", import.notes);
    let error = Client::GnipYaml.read("engagement: {token: 1-t, token_secret: ts}").unwrap_err();
    assert_eq!(error.to_string(), "token is there and consumer_key is not");
}

const APP: &str = "\
profiles:
  a:
    k:
      consumer_secret: s
      token: 1-t
      secret: ts
";
