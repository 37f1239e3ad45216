//! A batch that is settled again: Tweets that are answered this time are as the new answer says, the others as they were.

use std::collections::BTreeMap;

use engagement_model::{Endpoint, Metric, State, Tally, TweetId, Window};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};

use super::{Tweet, cells_of};
use crate::{
    job::{BatchId, Progress},
    record::{Settled, Settlement, is_answer},
    sql,
};

/// A batch, as it was settled before.
pub(super) struct Again<'a> {
    pub(super) batch: BatchId,
    pub(super) endpoint: Endpoint,
    pub(super) window: Option<Window>,
    pub(super) metrics: &'a [Metric],
    pub(super) settled_at: Timestamp,
    pub(super) states: BTreeMap<TweetId, State>,
}

impl Again<'_> {
    /// What the batch came to, if any Tweet of it was answered.
    pub(super) fn known_answer(&self, connection: &Connection) -> rusqlite::Result<Option<Settled>> {
        let mut known = connection.prepare_cached(
            "select ok, unavailable, unsupported, forbidden, failed, unaccounted
            from batches where job = ? and batch = ?",
        )?;
        let cells = known.query_row((self.batch.job.0, self.batch.number), |row| sql::tally(row, 0))?;
        let mut settled = Settled { cells, ..Settled::default() };
        self.states.values().for_each(|state| settled.tweets.count(*state));
        Ok(self.states.values().any(|state| is_answer(*state)).then_some(settled))
    }

    /// Ends a batch of which nothing is answered this time: what it was answered before is still what is known.
    pub(super) fn keep_answer(&self, connection: &Connection, reason: Option<&str>) -> rusqlite::Result<()> {
        connection
            .prepare_cached("update batches set state = ?, reason = ? where job = ? and batch = ?")?
            .execute((Progress::Done.name(), reason, self.batch.job.0, self.batch.number))
            .map(drop)
    }

    /// The Tweets that were answered before and are not this time, with what they were found to be.
    pub(super) fn kept(&self, settlement: &Settlement<'_>) -> BTreeMap<TweetId, State> {
        let answered = || self.states.iter().filter(|(_, state)| is_answer(**state));
        let mut tweets: Vec<Tweet<'_>> = answered().map(|(id, _)| Tweet::new(*id)).collect();
        for observation in &settlement.observations {
            cells_of(observation, &mut tweets);
        }
        let found = answered().zip(&tweets);
        found.filter(|(_, tweet)| !is_answer(tweet.state())).map(|((id, state), _)| (*id, *state)).collect()
    }

    /// Forgets what the batch had no value of, since what it brings now says it all; but of Tweets whose answer is kept
    /// this goes over to the new settlement. Gives the cells of these Tweets.
    pub(super) fn sort_gaps(
        &self,
        connection: &Connection,
        kept: &BTreeMap<TweetId, State>,
        at: Timestamp,
    ) -> rusqlite::Result<Tally> {
        let mut told = connection.prepare_cached(
            "select rowid, tweet_id, window_start, window_end, state from gaps where observed_at = ?",
        )?;
        let its_own = |gap: Option<Window>| match (self.window, gap) {
            (Some(whole), Some(gap)) => whole.start() <= gap.start() && gap.end() <= whole.end(),
            _ => true,
        };
        let mut gaps = told.query([sql::time(self.settled_at)])?;
        let (mut gone, mut stay): (Vec<i64>, Vec<i64>) = (Vec::new(), Vec::new());
        let mut cells = Tally::default();
        let mut without_value: BTreeMap<TweetId, u64> = BTreeMap::new();
        while let Some(gap) = gaps.next()? {
            let tweet_id = sql::column(gap, 1, sql::read_tweet_id)?;
            if !self.states.contains_key(&tweet_id) || !its_own(sql::window(gap, 2)?) {
                continue;
            }
            if kept.contains_key(&tweet_id) {
                cells.count(sql::column(gap, 4, sql::read_state)?);
                *without_value.entry(tweet_id).or_default() += 1;
                stay.push(gap.get(0)?);
            } else {
                gone.push(gap.get(0)?);
            }
        }
        let mut forget = connection.prepare_cached("delete from gaps where rowid = ?")?;
        gone.into_iter().try_for_each(|gap| forget.execute([gap]).map(drop))?;
        let mut keep = connection.prepare_cached("update gaps set observed_at = ? where rowid = ?")?;
        stay.into_iter().try_for_each(|gap| keep.execute((sql::time(at), gap)).map(drop))?;
        for (tweet_id, _) in kept.iter().filter(|(_, state)| **state == State::Ok) {
            let values = if self.endpoint == Endpoint::Totals {
                let gaps = without_value.get(tweet_id).copied().unwrap_or_default();
                (self.metrics.len() as u64).saturating_sub(gaps)
            } else {
                self.hours_of(connection, *tweet_id)?
            };
            cells.add(State::Ok, values);
        }
        Ok(cells)
    }

    /// How many values of hours the newest answer brought of this Tweet, up to when the batch was settled.
    fn hours_of(&self, connection: &Connection, tweet_id: TweetId) -> rusqlite::Result<u64> {
        let (start, end) = self
            .window
            .map_or((i64::MIN, i64::MAX), |window| (sql::hour(window.start()), sql::hour(window.end())));
        let mut covered = connection.prepare_cached(
            "select window_start, window_end, metrics, observed_at from coverage
            where tweet_id = ? and observed_at <= ? and window_start is not null
                and endpoint = ? and window_start >= ? and window_end <= ? order by observed_at desc",
        )?;
        let mut rows = covered.query((
            sql::tweet_id(tweet_id),
            sql::time(self.settled_at),
            self.endpoint.name(),
            start,
            end,
        ))?;
        let (mut values, mut newest) = (0, None);
        while let Some(row) = rows.next()? {
            let at: i64 = row.get(3)?;
            if *newest.get_or_insert(at) != at {
                break;
            }
            let hours = sql::window(row, 0)?.map_or(0, |window| window.len_hours());
            values += u64::from(hours) * sql::column(row, 2, sql::read_metrics)?.len() as u64;
        }
        Ok(values)
    }

    /// Where a Tweet stands by what this batch said of it, lets the batch take that back: the state is that of no job
    /// then. Where another batch of the job says it as well, it stays; where one says something else that counts for
    /// more than what is said now, that is the state.
    pub(super) fn free_states(&self, connection: &Connection, tweets: &[Tweet<'_>]) -> rusqlite::Result<()> {
        let job = self.batch.job.0;
        let mut standing =
            connection.prepare_cached("select state from tweets where tweet_id = ? and job = ?")?;
        let mut doubtful: Vec<(TweetId, State, State)> = Vec::new();
        for tweet in tweets {
            let state = standing
                .query_row((sql::tweet_id(tweet.id), job), |row| sql::column(row, 0, sql::read_state))
                .optional()?;
            if let Some(state) = state.filter(|state| self.states.get(&tweet.id) == Some(state)) {
                doubtful.push((tweet.id, state, tweet.state()));
            }
        }
        let others = self.said_by_others(connection, &doubtful)?;
        let mut free = connection.prepare_cached("update tweets set job = 0 where tweet_id = ?")?;
        let mut set =
            connection.prepare_cached("update tweets set state = ?, reason = null where tweet_id = ?")?;
        for (tweet_id, before, now) in doubtful {
            let state = others.get(&tweet_id).map_or(now, |other| other.and(now));
            if state == now {
                free.execute([sql::tweet_id(tweet_id)])?;
            } else if state != before {
                set.execute((state.name(), sql::tweet_id(tweet_id)))?;
            }
        }
        Ok(())
    }

    /// What other batches of the job said of these Tweets: those for other windows, or for other metrics.
    fn said_by_others(
        &self,
        connection: &Connection,
        doubtful: &[(TweetId, State, State)],
    ) -> rusqlite::Result<BTreeMap<TweetId, State>> {
        let mut said: BTreeMap<TweetId, State> = BTreeMap::new();
        // Reading all batches for each one is only worth it where Tweets are in several.
        let are_in_several =
            "select sum(tweets) > (select tweets from jobs where job = ?1) from batches where job = ?1";
        let mut are_in_several = connection.prepare_cached(are_in_several)?;
        if doubtful.is_empty()
            || !are_in_several.query_row([self.batch.job.0], |row| row.get::<_, bool>(0))?
        {
            return Ok(said);
        }
        let mut others = connection.prepare_cached(
            "select tweet_ids, states from batch_tweets join batches using (job, batch)
            where job = ? and batch <> ? and metrics <> '' and states is not null",
        )?;
        let mut others = others.query((self.batch.job.0, self.batch.number))?;
        while let Some(other) = others.next()? {
            let tweet_ids = sql::column(other, 0, sql::read_tweet_ids)?;
            let states: Vec<u8> = other.get(1)?;
            for (tweet_id, _, _) in doubtful {
                let place = tweet_ids.binary_search(tweet_id).ok();
                let state =
                    place.and_then(|place| states.get(place)).and_then(|byte| sql::state_of_byte(*byte));
                if let Some(state) = state {
                    said.entry(*tweet_id).and_modify(|known| *known = known.and(state)).or_insert(state);
                }
            }
        }
        Ok(said)
    }
}
