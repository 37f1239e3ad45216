//! How to test a service of your own against the API: start the emulator, let the service ask it, and compare with the
//! truth. `cargo run -p engagement-emulator --example test_your_service`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use engagement_emulator::{Class, Emulator, Faults};
use engagement_model::{Endpoint, Metric};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The second request meets an overloaded server; a service should ask again.
    let faults = Faults::from_json(r#"[{"endpoint": "totals", "nth": 2, "status": 503}]"#)?;
    let emulator = Emulator::builder().seed(1).faults(faults).start().await?;
    let [tweet_id] = emulator.tweets(Class::Unowned, None, 1)[..] else { return Err("one Tweet".into()) };

    for _ in 0..2 {
        let answer = your_service(&emulator, &tweet_id.to_string()).await?;
        println!("{}", answer.lines().next().unwrap_or_default());
    }
    println!("the truth: {:?}", emulator.truth(tweet_id, &Metric::Favorites, None));
    println!("what it saw: {:?}", emulator.counters());
    Ok(())
}

/// Stands for whatever is to be tested, in any language: all that it needs is a URL.
async fn your_service(emulator: &Emulator, tweet_id: &str) -> Result<String, std::io::Error> {
    let body = format!(
        r#"{{"tweet_ids":["{tweet_id}"],"engagement_types":["{}"],"groupings":{{"g":{{"group_by":["tweet.id","engagement.type"]}}}}}}"#,
        Metric::Favorites
    );
    let request = format!(
        "POST {} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer AAAAdemo%3Dtoken\r\naccept-encoding: gzip\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        Endpoint::Totals.path(),
        emulator.addr(),
        body.len()
    );
    let mut stream = TcpStream::connect(emulator.addr()).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
