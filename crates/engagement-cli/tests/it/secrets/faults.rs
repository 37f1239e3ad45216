//! Over five hundred runs of the command, among faults of every kind, with all that the layers below note.

use std::{fs, path::Path, sync::Mutex, thread};

use super::canary::{Canary, Scanner};
use crate::{
    browser::{Login, allow, get},
    engagement::{Done, Engagement, Folder},
    server::Server,
};

/// What is asked, without the ids.
const COMMANDS: [&str; 15] = [
    "totals IDS",
    "totals IDS -o json --summary summary.json",
    "totals IDS --app --out rows.csv -o csv",
    "totals IDS -o raw --log-format json",
    "28hr IDS --as one --by day -o table",
    "historical IDS --as one --start 3d --by total",
    "totals IDS --as nobody",
    "collect --endpoint totals --store engagement.db IDS --metrics favorites",
    "totals IDS --dry-run -o json",
    "auth check --all",
    "auth list -o json",
    "doctor --json",
    "request GET /1.1/account/verify_credentials.json --as one",
    "request POST /insights/engagement/totals --app -d {} -H content-type:application/json",
    "request GET /1.1/account/verify_credentials.json --print",
];

/// What goes wrong meanwhile. A fault that passes comes once, so that nobody waits for the last attempt.
const FAULTS: [&str; 19] = [
    "",
    r#""every":1,"status":400,"body":"{\"errors\":[\"bad\"]}""#,
    r#""every":1,"status":401,"body":"{\"errors\":[{\"code\":89,\"message\":\"Invalid or expired token.\"}]}""#,
    r#""every":1,"status":401,"body":"{\"errors\":[{\"code\":32,\"message\":\"Could not authenticate you.\"}]}""#,
    r#""every":1,"status":401,"body":"""#,
    r#""every":1,"status":403,"body":"{\"errors\":[\"Your application ID is not authorized.\"]}""#,
    r#""every":1,"status":403,"body":"{\"errors\":[{\"code\":99,\"message\":\"Unable to verify your credentials\"}]}""#,
    r#""every":1,"status":404,"body":"<html>nothing</html>""#,
    r#""every":1,"status":406"#,
    r#""every":1,"status":302,"header":"location: http://127.0.0.1:9/elsewhere""#,
    r#""nth":1,"status":429,"header":"retry-after: 1""#,
    r#""nth":1,"status":500"#,
    r#""nth":1,"status":503,"body":"""#,
    r#""nth":1,"drop":true"#,
    r#""nth":1,"reset_after_bytes":40"#,
    r#""nth":1,"reset_after_bytes":400"#,
    r#""nth":1,"truncate_gzip":true"#,
    r#""nth":1,"body":"{\"errors\":[\"half\"""#,
    r#""nth":1,"status":200,"body":"not JSON""#,
];

/// Where the credentials are.
#[derive(Clone, Copy, Debug)]
enum Held {
    Kept,
    InTheEnvironment,
    ByCommand,
    Wrong,
}

#[test]
fn no_canary_shows_in_five_hundred_runs() {
    let count = Mutex::new(0_usize);
    let parts = [Held::Kept, Held::InTheEnvironment, Held::ByCommand, Held::Wrong];
    thread::scope(|scope| {
        for held in parts {
            let count = &count;
            scope.spawn(move || {
                let stage = Stage::set(held);
                let mut runs = stage.logins();
                for (number, fault) in FAULTS.iter().enumerate() {
                    for (place, command) in COMMANDS.iter().enumerate() {
                        // Wrong credentials meet the same refusal whatever else is wrong, and where right ones come from
                        // makes no difference later: half of them will do.
                        let half = matches!(held, Held::Wrong | Held::ByCommand);
                        if half && (number + place) % 2 == 1 {
                            continue;
                        }
                        stage.run(command, fault);
                        runs += 1;
                    }
                }
                stage.scan_files();
                *count.lock().unwrap() += runs;
            });
        }
    });
    let count = count.into_inner().unwrap();
    assert!(count >= 500, "{count} runs");
}

struct Stage {
    folder: Folder,
    server: Server,
    held: Held,
    canaries: [Canary; 7],
    ids: Vec<String>,
    /// For everything, and for where the consumer key may show.
    scanners: [Scanner; 2],
}

impl Stage {
    fn set(held: Held) -> Self {
        let folder = Folder::new();
        let canaries = [
            Canary::new("consumer key", 1, "+/=~"),
            Canary::new("consumer secret", 2, "/+%é"),
            Canary::new("bearer token", 3, "%+/="),
            Canary::new("first token", 4, ""),
            Canary::new("first token's secret", 5, "=+ /"),
            Canary::new("second token", 6, ""),
            Canary::new("second token's secret", 7, "&?#'"),
        ];
        let [key, secret, bearer, one, one_secret, two, two_secret] =
            canaries.each_ref().map(|canary| canary.text.as_str());
        let world = format!(
            "[[app]]\napp_id = 1\nconsumer_key = \"{key}\"\nconsumer_secret = \"{secret}\"\nbearer_token = \"{bearer}\"\n\
             [[account]]\nuser_id = 1\nscreen_name = \"one\"\naccess_token = \"1-{one}\"\naccess_token_secret = \"{one_secret}\"\n\
             [[account]]\nuser_id = 2\nscreen_name = \"two\"\naccess_token = \"2-{two}\"\naccess_token_secret = \"{two_secret}\"\n"
        );
        folder.write("inputs/world.toml", world);
        let server = Server::with(&folder, "--quota 100000/min --world inputs/world.toml");
        let ids = server.tweets_of("one", 2);
        // Where the wrong one is held, it is the consumer secret that poses as the key.
        let but_for_key = match held {
            Held::Wrong => [&canaries[..1], &canaries[2..]].concat(),
            _ => canaries[1..].to_vec(),
        };
        let scanners = [Scanner::new(&canaries), Scanner::new(&but_for_key)];
        let stage = Self { folder, server, held, canaries, ids, scanners };
        match held {
            Held::Kept => stage.keep(),
            Held::ByCommand => stage.keep_elsewhere(),
            Held::InTheEnvironment | Held::Wrong => {}
        }
        stage
    }

    fn keep(&self) {
        let [key, secret, _, one, one_secret, two, two_secret] =
            self.canaries.each_ref().map(|canary| canary.text.as_str());
        let json = serde_json::json!([
            {"handle": "one", "access_token": format!("1-{one}"), "access_token_secret": one_secret},
            {"handle": "two", "access_token": format!("2-{two}"), "access_token_secret": two_secret},
        ]);
        let app = serde_json::json!({"consumer_key": key, "consumer_secret": secret}).to_string();
        self.judge("auth app", &self.engagement("-vvv auth app").stdin(app).run().ends(0));
        self.judge("auth add", &self.engagement("-vvv auth add").stdin(json.to_string()).run().ends(0));
    }

    /// Where a command fetches them, which writes down how it was called.
    fn keep_elsewhere(&self) {
        let [key, secret, _, one, one_secret, ..] =
            self.canaries.each_ref().map(|canary| canary.text.as_str());
        let all = serde_json::json!({"consumer_key": key, "consumer_secret": secret, "accounts": [
            {"handle": "one", "access_token": format!("1-{one}"), "access_token_secret": one_secret}]});
        self.folder.write("inputs/all.json", all.to_string());
        self.folder
            .write("inputs/give", "printf '%s\\n' \"$0\" \"$@\" >> argv; env >> argv; cat inputs/all.json\n");
        self.folder.write(
            "config/engagement/config.toml",
            "default_profile = \"work\"\n[profiles.work]\ncredential_command = [\"sh\", \"inputs/give\"]\n",
        );
    }

    fn engagement(&self, words: &str) -> Engagement {
        let run = self
            .folder
            .engagement(words)
            .env("ENGAGEMENT_BASE_URL", self.server.url())
            .env("RUST_LOG", "trace");
        let [key, secret, bearer, one, one_secret, _, two_secret] =
            self.canaries.each_ref().map(|canary| canary.text.as_str());
        match self.held {
            Held::Kept | Held::ByCommand => run,
            Held::InTheEnvironment => run
                .env("ENGAGEMENT_CONSUMER_KEY", key)
                .env("ENGAGEMENT_CONSUMER_SECRET", secret)
                .env("ENGAGEMENT_BEARER_TOKEN", bearer)
                .env("ENGAGEMENT_ACCESS_TOKEN", format!("1-{one}"))
                .env("ENGAGEMENT_ACCESS_TOKEN_SECRET", one_secret),
            // Each in the other's place.
            Held::Wrong => run
                .env("ENGAGEMENT_CONSUMER_KEY", secret)
                .env("ENGAGEMENT_CONSUMER_SECRET", bearer)
                .env("ENGAGEMENT_BEARER_TOKEN", key)
                .env("ENGAGEMENT_ACCESS_TOKEN", format!("1-{one}"))
                .env("ENGAGEMENT_ACCESS_TOKEN_SECRET", two_secret),
        }
    }

    fn run(&self, command: &str, fault: &str) {
        let faults =
            if fault.is_empty() { "[]".to_owned() } else { format!(r#"[{{"endpoint":"any",{fault}}}]"#) };
        self.server.post("/_emulator/faults", &faults);
        let words = command.replace("IDS", &self.ids.join(" "));
        self.judge(command, &self.engagement(&format!("-vvv --timeout 5s {words}")).run());
    }

    /// Logins, by callback and by PIN, seen by a browser that writes down what it is given.
    fn logins(&self) -> usize {
        let browser =
            self.folder.write("inputs/browser", "#!/bin/sh\nprintf '%s\\n' \"$0\" \"$@\" >> argv\n");
        fs::set_permissions(&browser, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let mut runs = 0;
        for words in ["--pin", "--callback http://127.0.0.1:0/callback"] {
            let run = self
                .engagement(&format!("-vvv --profile other auth login {words}"))
                .env("PATH", std::env::var_os("PATH").unwrap())
                .env("BROWSER", &browser);
            if !matches!(self.held, Held::InTheEnvironment) {
                self.judge("auth login", &run.run());
                continue;
            }
            let mut login = Login::start(run);
            let back = allow(&login.page(), "two");
            if back.starts_with("http") {
                get(&back);
            } else {
                login.types(&back);
            }
            self.judge("auth login", &login.ends(0));
            runs += 1;
        }
        runs
    }

    #[track_caller]
    fn judge(&self, command: &str, done: &Done) {
        // The consumer key is shown to whom it is meant for, and nowhere else.
        let may_show =
            ["auth list", "auth check", "doctor", "--print"].iter().any(|words| command.contains(words));
        assert!(!done.stderr.contains("panicked"), "{command}: {}", done.stderr);
        let scanner = &self.scanners[usize::from(may_show)];
        // The binary hears everything that the libraries below it trace, too.
        let asks =
            command.starts_with("totals") && !command.contains("--dry-run") && !command.contains("nobody");
        if asks && matches!(self.held, Held::Kept) {
            assert!(done.stderr.contains("hyper_util::"), "{command}: {}", done.stderr);
        }
        for text in [&done.stdout, &done.stderr] {
            if let Some(found) = scanner.find(text.as_bytes()) {
                panic!("{command}: {found}");
            }
        }
    }

    /// All that was written, beside what keeps credentials.
    fn scan_files(&self) {
        fn walk(folder: &Path, each: &mut impl FnMut(&Path)) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, each) } else { each(&path) }
            }
        }
        let mut seen = 0;
        walk(self.folder.path(), &mut |path| {
            if path.ends_with("credentials.toml")
                || path.parent().is_some_and(|folder| folder.ends_with("inputs"))
            {
                return;
            }
            seen += 1;
            if let Some(found) = self.scanners[0].find(&fs::read(path).unwrap()) {
                panic!("{}: {found}", path.display());
            }
        });
        assert!(seen >= 2, "summary and rows at least");
    }
}
