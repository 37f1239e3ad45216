//! From ids to the requests that answer a question, and from a body to rows, without sending anything:
//! `cargo run -p engagement-model --example plan_and_decode`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use engagement_model::{
    Dimension, Grouping, Metric, TweetId, Window,
    answer::{Answer, Limits},
    plan::{Ask, Asker, Plan, Question, Target},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let now = "2024-03-08T00:00:00Z".parse()?;
    let range = Window::covering("2024-03-05T22:00:00Z".parse()?, "2024-03-06T01:00:00Z".parse()?)?;
    let asks = ["1763000000000000001", "1500000000000000602"]
        .iter()
        .map(|id| Ok(Ask::new(id.parse::<TweetId>()?, Asker::Owner(0))))
        .collect::<Result<Vec<_>, engagement_model::InvalidTweetId>>()?;
    let plan = Plan::new(Question::new(Target::Historical(range), [Metric::Impressions], now), asks)?;
    for skipped in plan.skipped() {
        println!("{} is not asked for: {}", skipped.tweet_id, skipped.why);
    }

    let by_hour =
        [Dimension::TweetId, Dimension::EngagementType, Dimension::EngagementDay, Dimension::EngagementHour];
    let groupings = [Grouping::new("hours", by_hour)?];
    for planned in plan.requests() {
        let request = planned.request(&groupings, now)?;
        println!("POST {}\n{}", request.endpoint().path(), request.to_json());

        // What a server might say: one hour has a count, one is zero, one is not mentioned.
        let body =
            br#"{"start":"2024-03-05T22:00:00Z","end":"2024-03-06T01:00:00Z","hours":{"1500000000000000602":
            {"impressions":{"2024-03-05":{"22":"10"},"2024-03-06":{"00":"0"}}}}}"#;
        for row in Answer::decode(&request, body, &Limits::default())?.rows {
            println!("{} {} {:?} {:?}", row.tweet_id, row.metric, row.bucket, row.outcome);
        }
    }
    Ok(())
}
