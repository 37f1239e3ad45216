//! What does signing cost beside the HMAC that it cannot do without, and beside what others need for it?
//!
//! ```sh
//! cargo bench -p oauth-core --features nonce --bench signing [-- --short]
//! ```
//!
//! All contestants take turns in one thread, whose CPU time is measured; of each, the median turn counts. The bounds that
//! the crate promises are checked: a missed one is marked, and the exit code is 1.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::{
    env,
    hint::black_box,
    num::NonZeroU64,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use cpu_time::ThreadTime;
use hmac::{Hmac, KeyInit, Mac};
use oauth_core::{
    Credentials, NonceCounter, NonceSource, PreparedCredentials, Request, Signer, SigningKey, Stamp,
    Timestamp, sign,
};
use oauth1_request as rival;
use sha1::Sha1;

fn main() -> ExitCode {
    let given = |wanted: &str| env::args().any(|argument| argument == wanted);
    // Without it cargo only wants to see that the bench runs, and unoptimised at that: there is nothing to judge.
    let measuring = given("--bench");
    let turns = match (measuring, given("--short")) {
        (false, _) => 2,
        (true, true) => 60,
        (true, false) => 1_000,
    };
    let mut all_kept = true;
    for mut race in [engagement_post(), unicode_get()] {
        race.run(turns);
        all_kept &= race.print();
    }
    if all_kept || !measuring { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A `POST` of the Engagement API, whose JSON body is not signed.
fn engagement_post() -> Race {
    let (url, credentials, rival) = (POST_URL, credentials(), rival_token());
    let request = Request::new("POST", url).body("application/json", b"{}");
    let signer = Signer::new(&request, &credentials).expect("the request can be signed");
    let base_string = sign(&request, &credentials, STAMP.get()).expect("the request can be signed");

    let mut race = Race::new("POST, JSON body", floor(base_string.base_string().to_owned()));
    race.add("ours, nonce and time given", {
        let signer = signer.clone();
        move || drop(black_box(signer.authorization(black_box(STAMP.get()))))
    });
    race.add("ours, into a buffer", {
        let (signer, mut buffer) = (signer.clone(), String::with_capacity(1024));
        move || {
            buffer.clear();
            let _ = black_box(signer.write_authorization(black_box(STAMP.get()), &mut buffer));
        }
    });
    race.add("ours, own nonce and clock", {
        let (signer, mut source) = (signer.clone(), NonceSource::new().expect("the system has randomness"));
        move || {
            let nonce = source.next();
            drop(black_box(signer.authorization(Stamp { timestamp: now(), nonce: nonce.as_str() })));
        }
    });
    race.add("ours, counted nonce and clock", {
        let (signer, counter) = (signer, NonceCounter::new().expect("the system has randomness"));
        move || {
            let nonce = counter.next();
            drop(black_box(signer.authorization(Stamp { timestamp: now(), nonce: nonce.as_str() })));
        }
    });
    race.add("oauth1-request, nonce and time given", move || {
        let mut builder = rival::Builder::with_token(rival, rival::HMAC_SHA1);
        builder.nonce(NONCE).timestamp(NonZeroU64::new(TIME)).version(true);
        drop(black_box(builder.post(black_box(url), &())));
    });
    race.add("oauth1-request, own nonce and clock", move || {
        let mut builder = rival::Builder::with_token(rival, rival::HMAC_SHA1);
        builder.version(true);
        drop(black_box(builder.post(black_box(url), &())));
    });
    race.add("oauth1", move || {
        let consumer = oauth1::Token::new(CONSUMER.0, CONSUMER.1);
        let token = oauth1::Token::new(TOKEN.0, TOKEN.1);
        drop(black_box(oauth1::authorize("POST", black_box(url), &consumer, Some(&token), None)));
    });

    race.at_most("ours, nonce and time given", 1.1);
    race.at_most("ours, into a buffer", 1.1);
    race.at_most("ours, own nonce and clock", 1.3);
    race.faster("ours, nonce and time given", "oauth1-request, nonce and time given", 3.3);
    race.faster("ours, own nonce and clock", "oauth1-request, own nonce and clock", 2.8);
    race.faster("ours, nonce and time given", "oauth1", 15.0);
    race
}

/// A `GET` whose twelve parameters are Unicode and others each time: its URL is prepared, or nothing but the credentials.
fn unicode_get() -> Race {
    let rival = rival_token();
    let url = rival::to_query(String::from(GET_URL), &rival::ParameterList::new(PARAMETERS));
    let prepared = PreparedCredentials::new(&credentials());
    let base_string =
        prepared.sign(&Request::new("GET", &url), STAMP.get()).expect("the request can be signed");

    let mut race = Race::new("GET, 12 Unicode parameters", floor(base_string.base_string().to_owned()));
    // From the same as the rival: a URL that stays and parameters that do not.
    let template = prepared.template(&Request::new("GET", GET_URL)).expect("the request can be signed");
    race.add("ours", {
        let template = template.clone();
        move || drop(black_box(template.authorization(black_box(&PARAMETERS), STAMP.get())))
    });
    race.add("ours, into a buffer", {
        let (template, mut buffer) = (template.clone(), String::with_capacity(1024));
        move || {
            buffer.clear();
            let _ = black_box(template.write_authorization(black_box(&PARAMETERS), STAMP.get(), &mut buffer));
        }
    });
    race.add("ours, all prepared", {
        let signer =
            Signer::new(&Request::new("GET", &url), &credentials()).expect("the request can be signed");
        move || drop(black_box(signer.authorization(black_box(STAMP.get()))))
    });
    // The parameters are in a finished URL here, and have to be read from it.
    race.add("ours, another URL", {
        let (prepared, url) = (prepared.clone(), url.clone());
        move || drop(black_box(prepared.authorization(&Request::new("GET", black_box(&url)), STAMP.get())))
    });
    race.add("ours, another URL, into a buffer", {
        let mut buffer = String::with_capacity(1024);
        move || {
            buffer.clear();
            let request = Request::new("GET", black_box(&url));
            let _ = black_box(prepared.write_authorization(&request, STAMP.get(), &mut buffer));
        }
    });
    race.add("oauth1-request", move || {
        let mut builder = rival::Builder::with_token(rival, rival::HMAC_SHA1);
        builder.nonce(NONCE).timestamp(NonZeroU64::new(TIME)).version(true);
        let parameters = rival::ParameterList::new(black_box(PARAMETERS));
        drop(black_box(builder.get(GET_URL, &parameters)));
    });
    // The request cannot be sent without its URL. Nothing is promised of making that.
    race.add("ours, and the URL", move || {
        drop(black_box(template.authorization(black_box(&PARAMETERS), STAMP.get())));
        drop(black_box(template.url(black_box(&PARAMETERS))));
    });
    race.add("oauth1-request, and the URL", move || {
        let mut builder = rival::Builder::with_token(rival, rival::HMAC_SHA1);
        builder.nonce(NONCE).timestamp(NonZeroU64::new(TIME)).version(true);
        let parameters = rival::ParameterList::new(black_box(PARAMETERS));
        drop(black_box(builder.get(GET_URL, &parameters)));
        drop(black_box(rival::to_query(String::from(GET_URL), &parameters)));
    });

    race.at_most("ours", 2.0);
    race.at_most("ours, another URL", 2.0);
    race.faster("ours", "oauth1-request", 2.3);
    race
}

/// Contestants and what is promised of them.
struct Race {
    title: &'static str,
    contestants: Vec<Contestant>,
    promises: Vec<Promise>,
}

impl Race {
    /// A race against this floor.
    fn new(title: &'static str, floor: impl FnMut() + 'static) -> Self {
        let mut race = Self { title, contestants: Vec::new(), promises: Vec::new() };
        race.add(FLOOR, floor);
        race
    }

    fn add(&mut self, name: &'static str, work: impl FnMut() + 'static) {
        self.contestants.push(Contestant { name, work: Box::new(work), turns: Vec::new() });
    }

    /// Promises at most so many times the floor.
    fn at_most(&mut self, name: &'static str, bound: f64) {
        self.promises.push(Promise { dividend: name, divisor: FLOOR, bound: Bound::AtMost(bound) });
    }

    /// Promises to be so many times faster than a rival.
    fn faster(&mut self, name: &'static str, rival: &'static str, bound: f64) {
        self.promises.push(Promise { dividend: rival, divisor: name, bound: Bound::AtLeast(bound) });
    }

    fn run(&mut self, turns: usize) {
        let count = self.contestants.len();
        for turn in 0..turns + WARM_UP {
            for offset in 0..count {
                // Each starts as often as any other.
                self.contestants[(turn + offset) % count].take_turn();
            }
        }
        for contestant in &mut self.contestants {
            contestant.turns.drain(..WARM_UP);
            contestant.turns.sort_by(f64::total_cmp);
        }
    }

    /// Prints the table and tells whether all promises are kept.
    fn print(&self) -> bool {
        let floor = self.median(FLOOR);
        println!("{}\n", self.title);
        println!("{:40} {:>10} {:>8}", "", "ns", "× floor");
        for contestant in &self.contestants {
            println!(
                "{:40} {:>10.1} {:>8.2}",
                contestant.name,
                contestant.median(),
                contestant.median() / floor
            );
        }
        println!();
        let mut all_kept = true;
        for promise in &self.promises {
            let ratio = self.median(promise.dividend) / self.median(promise.divisor);
            let (bound, sign, kept) = match promise.bound {
                Bound::AtMost(bound) => (bound, '≤', ratio <= bound),
                Bound::AtLeast(bound) => (bound, '≥', ratio >= bound),
            };
            all_kept &= kept;
            let verdict = if kept { "kept" } else { "MISSED" };
            println!("{verdict:6} {} / {} = {ratio:.2} {sign} {bound}", promise.dividend, promise.divisor);
        }
        println!();
        all_kept
    }

    fn median(&self, name: &str) -> f64 {
        let found = self.contestants.iter().find(|contestant| contestant.name == name);
        found.expect("promises are made of contestants").median()
    }
}

struct Contestant {
    name: &'static str,
    work: Box<dyn FnMut()>,
    /// Nanoseconds for each piece of work, sorted at the end.
    turns: Vec<f64>,
}

impl Contestant {
    fn take_turn(&mut self) {
        let start = ThreadTime::now();
        for _ in 0..BATCH {
            (self.work)();
        }
        self.turns.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH));
    }

    fn median(&self) -> f64 {
        self.turns[self.turns.len() / 2]
    }
}

struct Promise {
    dividend: &'static str,
    divisor: &'static str,
    bound: Bound,
}

enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// HMAC-SHA1 from a cached key state, and base64: no signer does with less, unless it caches more.
fn floor(base_string: String) -> impl FnMut() {
    let key = SigningKey::expose_text(&credentials());
    let state = Hmac::<Sha1>::new_from_slice(key.expose().as_bytes()).expect("HMAC accepts any key length");
    let mut text = [0; 28];
    move || {
        let mut state = black_box(&state).clone();
        state.update(black_box(base_string.as_bytes()));
        let _ = black_box(STANDARD.encode_slice(state.finalize().into_bytes(), &mut text));
    }
}

fn credentials() -> Credentials {
    Credentials::consumer(CONSUMER.0, CONSUMER.1).with_token(TOKEN.0, TOKEN.1)
}

fn rival_token() -> rival::Token<&'static str> {
    rival::Token::from_parts(CONSUMER.0, CONSUMER.1, TOKEN.0, TOKEN.1)
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    Timestamp::new(since_epoch.as_secs()).expect("the clock is past 1970")
}

/// The nonce and time that are given.
struct Given;

impl Given {
    fn get(&self) -> Stamp<'static> {
        Stamp { timestamp: Timestamp::new(TIME).expect("it is not zero"), nonce: NONCE }
    }
}

const STAMP: Given = Given;
const FLOOR: &str = "floor: HMAC and base64";
const BATCH: u32 = 50;
const WARM_UP: usize = 10;
const NONCE: &str = "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgm";
const TIME: u64 = 1_318_622_958;
const CONSUMER: (&str, &str) = ("xvz1evFS4wEEPTGEFPHBog", "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw");
const TOKEN: (&str, &str) =
    ("370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb", "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE");
const POST_URL: &str = "https://data-api.twitter.com/insights/engagement/totals";
const GET_URL: &str = "https://api.twitter.com/1.1/search/tweets.json";
const PARAMETERS: [(&str, &str); 12] = [
    ("q", "写輪眼 сегодня"),
    ("geocode", "37.781157,-122.398720,1mi"),
    ("lang", "日本語"),
    ("locale", "português do Brasil"),
    ("result_type", "смешанный"),
    ("count", "100"),
    ("until", "2026-07-19 ☀"),
    ("since_id", "naïve café"),
    ("max_id", "Größe + Länge"),
    ("include_entities", "🦀🦀🦀"),
    ("tweet_mode", "מורחב"),
    ("source", "zażółć gęślą jaźń"),
];
