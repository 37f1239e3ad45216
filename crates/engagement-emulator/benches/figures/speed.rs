//! Is the emulator fast and small enough not to be what a test waits for?
//!
//! Goals are held against processor time, since others may use the machine, too; the time by the clock stands beside it.

use std::time::{Duration, Instant};

use engagement_model::Endpoint;

use crate::served::{Client, Served, body, cpu, report};

pub(crate) async fn measure(measured: bool) {
    let mut missed = Vec::new();
    let mut goal = |what: &'static str, reached: bool| {
        if measured && !reached {
            missed.push(what);
        }
    };

    let mut starts = Vec::new();
    for _ in 0..if measured { 20 } else { 1 } {
        let begun = Instant::now();
        let served = Served::start(1);
        let _ = served.get("/_emulator/world").await;
        starts.push((served.cpu(), begun.elapsed()));
    }
    starts.sort_unstable();
    let (used, taken) = starts[starts.len() / 2];
    report("a process's start to its first answer, processor", used, "goal 100 ms");
    report("by the clock", taken, "");
    goal("the start", used < Duration::from_millis(100));

    let served = Served::start(1);
    let owned = served.ids("owned", 250).await;
    let history = body(&owned[..25], Endpoint::Historical);
    let mut client = Client::new(served.addr, Endpoint::Historical, &history).await;
    let rounds: u32 = if measured { 100 } else { 1 };
    let mut times = Vec::new();
    let mut bytes = 0;
    let before = served.cpu();
    for _ in 0..rounds {
        let begun = Instant::now();
        bytes = client.ask().await.1;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let used = (served.cpu() - before) / rounds;
    report("25 ids x 17 metrics x 672 hours, processor", used, "goal 60 ms");
    report("by the clock, median", times[times.len() / 2], "");
    println!("{:52} {bytes:9}", "its bytes, compressed");
    goal("the historical answer", used < Duration::from_millis(60));

    let requests = if measured { 20_000 } else { 8 };
    let (begun, server, ours) = (Instant::now(), served.cpu(), cpu("self"));
    let totals = body(&owned, Endpoint::Totals);
    let mut tasks = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = Client::new(served.addr, Endpoint::Totals, &totals).await;
        tasks.push(tokio::spawn(async move {
            for _ in 0..requests / CONNECTIONS {
                assert_eq!(client.ask().await.0, 200);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let (server, ours) = (served.cpu() - server, cpu("self") - ours);
    // The emulator has one thread for them.
    let least = server.max((server + ours) / 2);
    report("20,000 totals of 250 ids, processor on 2 cores", least, "goal 60 s");
    report("of which the emulator", server, "");
    report("and the clients", ours, "");
    report("by the clock", begun.elapsed(), "");
    goal("20,000 totals a minute", least < Duration::from_secs(60));

    // Ids that were never asked for before, a million of them.
    for page in 0..if measured { 4_000_u64 } else { 1 } {
        let ids: Vec<String> = (0..250).map(|n| (NOVEL + page * 250 + n).to_string()).collect();
        let mut client = Client::new(served.addr, Endpoint::Totals, &body(&ids, Endpoint::Totals)).await;
        // Nobody's, and still looked at one by one.
        assert!(matches!(client.ask().await.0, 200 | 400 | 403));
    }
    let peak = served.peak_mib();
    println!("{:52} {peak:9} MiB  goal 64 MiB", "most memory, after a million ids");
    goal("memory", peak < 64);

    assert_eq!(served.panics().await, 0);
    assert!(missed.is_empty(), "missed: {}", missed.join(", "));
}

/// As many as the client keeps at once by default.
const CONNECTIONS: usize = 8;
/// A Tweet of September 2023.
const NOVEL: u64 = 1_700_000_000_000_000_000;
