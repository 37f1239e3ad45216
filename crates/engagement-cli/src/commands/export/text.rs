//! The tables of a store as text.

use engagement_export::{Fact, Form, Text, TweetLine};
use engagement_store::fact::Order;

use super::{Source, Trouble};
use crate::{cli::Table, place::Place};

/// Writes one table, or totals and series as one, and says how many rows there are.
pub(super) fn write(
    source: &Source,
    chosen: Option<Table>,
    form: Form,
    place: Place,
) -> Result<String, Trouble> {
    let mut rows = 0_u64;
    let place = if chosen == Some(Table::Tweets) {
        let mut text = Text::new::<TweetLine<'_>>(form, place)?;
        source.reader.tweets(|tweet| {
            source.go_on()?;
            rows += 1;
            Ok::<_, Trouble>(text.write(&super::line(tweet))?)
        })?;
        text.finish()?
    } else {
        let mut text = Text::new::<Fact<'_>>(form, place)?;
        let both = [Table::Totals, Table::Series];
        let tables = both.into_iter().filter(|table| chosen.is_none_or(|chosen| chosen == *table));
        for kind in tables.filter_map(Table::kind) {
            source.reader.facts(kind, Order::Tweet, |fact| {
                source.go_on()?;
                rows += 1;
                Ok::<_, Trouble>(text.write(&super::fact(fact))?)
            })?;
        }
        text.finish()?
    };
    place.finish()?;
    Ok(format!("{rows} rows"))
}
