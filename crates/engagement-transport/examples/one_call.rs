//! Sends one POST with a bearer token from the environment and tells what happens on the way.
//!
//! ```sh
//! TOKEN=… cargo run -p engagement-transport --example one_call -- https://data-api.twitter.com/insights/engagement/totals '{"tweet_ids":["20"]}'
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example talks to its reader")]

use engagement_transport::{Authorization, Call, Event, Quota, Replay, Transport, Url, verdict};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(body)) = (arguments.next(), arguments.next()) else {
        return Err("expected a URL and a JSON body".into());
    };
    let authorization =
        std::env::var("TOKEN").map_or(Authorization::None, |token| Authorization::Bearer(token.into()));
    let transport = Transport::builder()
        .on_event(|event| match event {
            Event::Retrying { reason, delay, .. } => eprintln!("again in {delay:?}: {reason}"),
            Event::Waiting { why, delay, .. } => eprintln!("waiting {delay:?} for quota: {why:?}"),
            _ => {}
        })
        .build()?;
    let call = Call::post(Url::parse(&url)?)
        .json_body(body)
        .authorization(authorization)
        // This endpoint only reads.
        .replay(Replay::Safe)
        .quota(&Quota::learnt());
    match transport.send(&call, verdict::by_status).await {
        Ok(answer) => println!("{} after {} attempts: {}", answer.status, answer.attempts, answer.words()),
        Err(error) => {
            if let Some(answer) = error.answer() {
                eprintln!("the last answer was {}: {}", answer.status, answer.words());
            }
            return Err(error.into());
        }
    }
    Ok(())
}
