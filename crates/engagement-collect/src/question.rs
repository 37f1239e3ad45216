//! What a job asks of every Tweet of its list.

use engagement::{Client, Metrics, Owners, Query, Who};
use engagement_model::{Metric, TweetId, plan::Target};

/// What is asked, and with which credentials.
///
/// Hours are what series are asked for: the store keeps hours, and days and sums are made of them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Question {
    /// Where. A range that counts back from now is resolved when the job is made, and holds for all its runs.
    pub target: Target,
    /// The range as it was typed: `7d` is the same question tomorrow, and a job that was made for it today goes on
    /// with today's hours.
    pub range: Option<String>,
    /// Which metrics.
    pub metrics: Metrics,
    /// How fine the numbers are wanted, as it was typed. Jobs are told apart by it, and nothing else.
    pub by: Option<String>,
    /// Who asks.
    pub who: Who,
    /// Whether to ask too for what the API's age rules exclude.
    pub ask_anyway: bool,
}

impl Question {
    /// All metrics, asked for by whoever fits.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            range: None,
            metrics: Metrics::default(),
            by: None,
            who: Who::default(),
            ask_anyway: false,
        }
    }

    /// What makes two runs the same job, their lists aside: everything but quota, concurrency and URLs.
    pub fn identity(&self) -> String {
        let endpoint = match self.target {
            Target::Totals => "totals",
            Target::Last28Hours => "28hr",
            Target::Historical(_) => "historical",
            Target::Auto(_) => "auto",
        };
        let mut identity = format!("endpoint={endpoint} metrics={}", self.metric_names());
        let who = match &self.who {
            Who::Auto => None,
            Who::App => Some("app".to_owned()),
            Who::Account(name) => {
                Some(format!("account:{}", name.trim_start_matches('@').to_ascii_lowercase()))
            }
        };
        for (name, value) in [("by", self.by.as_ref()), ("range", self.range.as_ref()), ("as", who.as_ref())]
        {
            if let Some(value) = value {
                identity.push_str(&format!(" {name}={value}"));
            }
        }
        if self.ask_anyway {
            identity.push_str(" ask-anyway");
        }
        identity
    }

    /// The same as a query.
    pub fn query(&self, client: &Client, tweet_ids: Vec<TweetId>, owners: Owners) -> Query {
        let query = match self.target {
            Target::Totals => client.totals(tweet_ids),
            Target::Last28Hours => client.last_28_hours(tweet_ids),
            Target::Historical(range) => client.historical(tweet_ids, range),
            Target::Auto(range) => client.auto(tweet_ids, range),
        };
        let query = query.metrics(self.metrics.clone()).who(self.who.clone()).owners(owners);
        if self.ask_anyway { query.ask_anyway() } else { query }
    }

    fn metric_names(&self) -> String {
        match &self.metrics {
            Metrics::Allowed => "allowed".to_owned(),
            Metrics::Named(named) => {
                // A comma in a name is none between two.
                let name = |metric: &Metric| metric.name().replace('%', "%25").replace(',', "%2C");
                let mut names: Vec<String> = named.iter().map(name).collect();
                names.sort_unstable();
                names.dedup();
                names.join(",")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use engagement_model::{UtcHour, Window};

    use super::*;

    #[test]
    fn the_same_question_has_the_same_identity() {
        let hour = |n| UtcHour::from_epoch(480_000 + n).unwrap();
        let ask = |start, range: &str, metrics: &[Metric]| {
            let mut question =
                Question::new(Target::Historical(Window::new(hour(start), hour(start + 168)).unwrap()));
            question.range = Some(range.to_owned());
            question.metrics = Metrics::Named(metrics.to_vec());
            question
        };
        let today = ask(0, "7d..", &[Metric::Impressions, Metric::Favorites]);
        // Other hours, the same words; and metrics in any order.
        let tomorrow = ask(24, "7d..", &[Metric::Favorites, Metric::Impressions, Metric::Favorites]);
        assert_eq!(today.identity(), tomorrow.identity());
        assert_eq!(today.identity(), "endpoint=historical metrics=favorites,impressions range=7d..");
        assert_ne!(today.identity(), ask(0, "8d..", &[Metric::Favorites, Metric::Impressions]).identity());

        let named = |names: &[&str]| {
            let metrics: Vec<Metric> = names.iter().map(|name| Metric::named(name)).collect();
            ask(0, "7d..", &metrics).identity()
        };
        assert_ne!(named(&["new", "newer"]), named(&["new,newer"]));

        let mut others = [today.clone(), today.clone(), today.clone(), today.clone()];
        others[0].who = Who::App;
        others[1].who = Who::Account("@Demo_Brand".to_owned());
        others[2].by = Some("day".to_owned());
        others[3].ask_anyway = true;
        let mut identities: Vec<_> = others.iter().map(Question::identity).collect();
        assert!(identities[1].ends_with("as=account:demo_brand"), "{}", identities[1]);
        identities.push(today.identity());
        identities.sort();
        identities.dedup();
        assert_eq!(identities.len(), 5);
    }
}
