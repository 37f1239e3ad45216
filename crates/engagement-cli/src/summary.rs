//! The closing account: every Tweet that was asked for, in exactly one state.

use std::{collections::HashMap, io::Write as _, path::Path, time::Duration};

use engagement::{
    Effort,
    model::{Row, State, Tally, TweetId},
};
use serde::Serialize;

use crate::{
    exit::{Exit, Failure},
    id_list::Skipped,
    place::Place,
};

/// Counts rows as they come.
#[derive(Debug)]
pub(crate) struct Account {
    /// The state of the Tweet's cells so far, once there are any.
    tweets: HashMap<TweetId, Option<State>>,
    cells: Tally,
    done: usize,
}

impl Account {
    /// For these Tweets.
    pub(crate) fn new(asked: &[TweetId]) -> Self {
        Self {
            tweets: asked.iter().map(|tweet_id| (*tweet_id, None)).collect(),
            cells: Tally::default(),
            done: 0,
        }
    }

    /// Takes a row into account.
    pub(crate) fn add(&mut self, row: &Row) {
        self.count(row.tweet_id, row.outcome.state());
    }

    /// Takes a cell into account whose value is elsewhere.
    pub(crate) fn count(&mut self, tweet_id: TweetId, state: State) {
        self.cells.count(state);
        if let Some(known) = self.tweets.get_mut(&tweet_id) {
            self.done += usize::from(known.is_none());
            *known = Some(known.map_or(state, |known| known.and(state)));
        }
    }

    /// How many Tweets were asked for.
    pub(crate) fn asked(&self) -> usize {
        self.tweets.len()
    }

    /// How many Tweets have a state.
    pub(crate) fn done(&self) -> usize {
        self.done
    }

    /// Closes the account. A Tweet that no row ever mentioned is unaccounted.
    pub(crate) fn close(&self, effort: Effort, elapsed: Duration) -> Summary {
        let mut tweets = Tally::default();
        for state in self.tweets.values() {
            tweets.count(state.unwrap_or(State::Unaccounted));
        }
        let asked = self.tweets.len() as u64;
        Summary::of(asked, tweets, self.cells, effort, elapsed)
    }
}

/// What `--summary` writes.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) asked: u64,
    #[serde(flatten)]
    pub(crate) tweets: States,
    pub(crate) cells: States,
    pub(crate) requests: u64,
    pub(crate) retries: u64,
    pub(crate) waited_s: f64,
    pub(crate) elapsed_s: f64,
    /// What of the lists was never asked for.
    #[serde(flatten)]
    pub(crate) skipped: Skipped,
}

/// How many there are in each state.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct States {
    pub(crate) ok: u64,
    pub(crate) unavailable: u64,
    pub(crate) unsupported: u64,
    pub(crate) forbidden: u64,
    pub(crate) failed: u64,
    pub(crate) unaccounted: u64,
}

impl States {
    /// Whether something is missing that a complete answer has.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.forbidden + self.failed + self.unaccounted > 0
    }
}

impl From<Tally> for States {
    fn from(tally: Tally) -> Self {
        Self {
            ok: tally.of(State::Ok),
            unavailable: tally.of(State::Unavailable),
            unsupported: tally.of(State::Unsupported),
            forbidden: tally.of(State::Forbidden),
            failed: tally.of(State::Failed),
            unaccounted: tally.of(State::Unaccounted),
        }
    }
}

impl Summary {
    /// Of so many Tweets and cells in each state.
    pub(crate) fn of(asked: u64, tweets: Tally, cells: Tally, effort: Effort, elapsed: Duration) -> Self {
        Self {
            asked,
            tweets: tweets.into(),
            cells: cells.into(),
            requests: effort.requests,
            retries: effort.retries,
            waited_s: seconds(effort.waited),
            elapsed_s: seconds(elapsed),
            skipped: Skipped::default(),
        }
    }

    /// The same, of lists of which this was left out.
    pub(crate) fn skipping(self, skipped: Skipped) -> Self {
        Self { skipped, ..self }
    }

    /// One line for people.
    pub(crate) fn line(&self) -> String {
        let States { ok, unavailable, unsupported, forbidden, failed, unaccounted } = self.tweets;
        let skipped = match self.skipped.count {
            0 => String::new(),
            count => format!("; skipped {count}"),
        };
        format!(
            "asked {}: ok {ok}, unavailable {unavailable}, unsupported {unsupported}, forbidden {forbidden}, failed \
             {failed}, unaccounted {unaccounted}{skipped}; {} requests, {} retries, waited {:.1} s, elapsed {:.1} s",
            self.asked, self.requests, self.retries, self.waited_s, self.elapsed_s
        )
    }

    /// Writes it as JSON.
    pub(crate) fn write(&self, mut to: Place, path: &Path) -> Result<(), Failure> {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        let written = to.write_all(text.as_bytes()).and_then(|()| to.finish());
        written.map_err(|error| {
            Failure::new(Exit::Storage, "summary", format!("{} cannot be written: {error}", path.display()))
        })
    }
}

fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use engagement::model::{Metric, Outcome, Reason};

    use super::*;

    #[test]
    fn asked_is_the_sum_of_the_six() {
        let id = |n| TweetId::new(n).unwrap();
        let row = |n, metric, outcome| Row { tweet_id: id(n), metric, bucket: None, outcome };
        let mut account = Account::new(&[id(1), id(2), id(3), id(4)]);
        account.add(&row(1, Metric::Favorites, Outcome::Ok(0)));
        account.add(&row(1, Metric::Impressions, Outcome::Forbidden(Reason::NONE)));
        account.add(&row(2, Metric::Favorites, Outcome::Unavailable(Reason::NONE)));
        account.add(&row(3, Metric::Favorites, Outcome::Failed(Reason::NONE)));
        account.add(&row(3, Metric::VideoViews, Outcome::Unsupported(Reason::NONE)));
        assert_eq!(account.done(), 3);
        let summary = account.close(Effort::default(), Duration::ZERO);
        assert_eq!((summary.asked, summary.tweets.ok, summary.tweets.unavailable), (4, 1, 1));
        assert_eq!((summary.tweets.failed, summary.tweets.unaccounted, summary.tweets.forbidden), (1, 1, 0));
        assert_eq!((summary.cells.ok, summary.cells.forbidden, summary.cells.unaccounted), (1, 1, 0));
        assert!(summary.cells.is_incomplete());
    }
}
