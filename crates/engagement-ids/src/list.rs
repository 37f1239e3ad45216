//! The ids of all sources together.

use std::{io::Read, mem};

use engagement_model::TweetId;
use serde::Serialize;

use crate::{
    Form, Item, Options, ReadError, Reason, Refused, Report, Rounding, Source, Warning, read, read_arguments,
    seen::Seen,
};

/// The ids of all sources together: in their order, each once, with an account of everything else.
///
/// It holds at most 16 bytes for each different id, and beside that no more than 100,000 refused items and 1,000
/// warnings; what goes beyond is counted. Who wants to see each as it comes takes the items from [`read()`] and hands
/// them on to [`Self::add`].
#[derive(Clone, Debug, Default)]
pub struct IdList {
    ids: Vec<TweetId>,
    seen: Seen,
    counts: Counts,
    /// Those that items came from, in their order.
    sources: Vec<Source>,
    /// Of the sources before the last one.
    rounding: Rounding,
    /// Of the last source.
    last_rounding: Rounding,
    /// Of a source before the last one that looks rounded by itself.
    rounded_source: Option<Rounding>,
    refused: Vec<(usize, Refused)>,
    warnings: Vec<(usize, Warning)>,
    warned: u64,
}

/// How many items of each kind there were.
///
/// `read = accepted + duplicates + blank + comments + header + refused`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Items: records, array elements, lines of a plain list.
    pub read: u64,
    /// Different ids.
    pub accepted: u64,
    /// Ids that were there before, in the same source or in another.
    pub duplicates: u64,
    /// Lines and records with nothing in them.
    pub blank: u64,
    /// Comments.
    pub comments: u64,
    /// Lines and records that name columns.
    pub header: u64,
    /// What is no id.
    pub refused: u64,
}

/// Whether a list may be used as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// There are ids, and nothing else.
    Ok,
    /// Something was refused, or there is no id at all.
    Refused,
    /// A spreadsheet has rounded the ids, see [`Rounding`]: those that are accepted cannot be trusted either.
    Rounded,
}

impl IdList {
    /// A list with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads all of `input` into this list.
    ///
    /// After an error the list holds what came before it, and should not be used.
    pub fn read(&mut self, source: &Source, input: impl Read, options: &Options) -> Result<Form, ReadError> {
        self.begin(source.clone());
        read(source, input, options, &mut |item| self.add(item))
    }

    /// Reads ids and URLs from the arguments of a command.
    pub fn read_arguments<A: AsRef<str>>(
        &mut self,
        arguments: impl IntoIterator<Item = A>,
        options: &Options,
    ) {
        self.begin(Source::argument());
        read_arguments(arguments, options, &mut |item| self.add(item));
    }

    /// Says where the items come from that are added after this; without it, they count as arguments.
    pub fn begin(&mut self, source: Source) {
        let rounding = mem::take(&mut self.last_rounding);
        if rounding.is_likely() {
            self.rounded_source = Some(rounding);
        }
        self.rounding += rounding;
        self.sources.push(source);
    }

    /// Adds an item.
    pub fn add(&mut self, item: Item) {
        self.counts.read += u64::from(!matches!(item, Item::Warning(_)));
        match item {
            Item::Id { id, place } => self.add_id(id, place.line),
            Item::Refused(refused) => self.refuse(refused),
            Item::Blank => self.counts.blank += 1,
            Item::Comment => self.counts.comments += 1,
            Item::Header => self.counts.header += 1,
            Item::Warning(warning) => {
                self.warned += 1;
                if self.warnings.len() < MOST_WARNINGS {
                    self.warnings.push((self.sources.len(), warning));
                }
            }
        }
    }

    /// The ids, in the order in which each came first.
    pub fn ids(&self) -> &[TweetId] {
        &self.ids
    }

    /// The ids alone; what it took to find duplicates is freed.
    pub fn into_ids(self) -> Vec<TweetId> {
        self.ids
    }

    /// How many items of each kind there were.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What was refused, the first 100,000, with where it was; [`Counts::refused`] has them all.
    pub fn refused(&self) -> impl ExactSizeIterator<Item = (&Source, &Refused)> {
        self.refused.iter().map(|(number, refused)| (self.source(*number), refused))
    }

    /// The first 1,000 warnings, with where they were. [`Self::warned`] has their number.
    pub fn warnings(&self) -> impl ExactSizeIterator<Item = (&Source, &Warning)> {
        self.warnings.iter().map(|(number, warning)| (self.source(*number), warning))
    }

    /// How many warnings there were.
    pub fn warned(&self) -> u64 {
        self.warned
    }

    /// The sign that a spreadsheet has rounded the ids of one source, or of all sources taken together.
    ///
    /// Each source is looked at by itself too: a small rounded one is not hidden by a large good one.
    pub fn rounding(&self) -> Option<Rounding> {
        let mut all = self.rounding;
        all += self.last_rounding;
        [Some(self.last_rounding), self.rounded_source, Some(all)]
            .into_iter()
            .flatten()
            .find(Rounding::is_likely)
    }

    /// Whether the list may be used as it is. Who allows rounded ids asks [`Self::verdict_on_items`].
    pub fn verdict(&self) -> Verdict {
        if self.rounding().is_some() { Verdict::Rounded } else { self.verdict_on_items() }
    }

    /// The verdict for those who know better than [`Self::rounding`].
    pub fn verdict_on_items(&self) -> Verdict {
        if self.counts.refused > 0 || self.ids.is_empty() { Verdict::Refused } else { Verdict::Ok }
    }

    /// The report on this list with `verdict`, one of [`Self::verdict`] and [`Self::verdict_on_items`].
    pub fn report(&self, verdict: Verdict) -> Report<'_> {
        Report::new(self, self.sources.len() > 1, verdict)
    }

    fn add_id(&mut self, id: TweetId, line: u64) {
        if self.ids.len() == Seen::MOST {
            self.refuse(Refused { line, text: id.to_string(), reason: Reason::Full });
            return;
        }
        self.last_rounding.count(id);
        if self.seen.record(id, &self.ids) {
            self.counts.duplicates += 1;
            return;
        }
        if self.ids.len() == self.ids.capacity() {
            // In small steps: doubling would hold up to twice the memory of the ids.
            self.ids.reserve_exact(self.ids.len() / 8 + 1024);
        }
        self.ids.push(id);
        self.counts.accepted += 1;
    }

    /// The source that `number` counts, from 1.
    fn source(&self, number: usize) -> &Source {
        number.checked_sub(1).and_then(|at| self.sources.get(at)).unwrap_or(&ARGUMENTS)
    }

    fn refuse(&mut self, refused: Refused) {
        self.counts.refused += 1;
        if self.refused.len() < MOST_REFUSED {
            self.refused.push((self.sources.len(), refused));
        }
    }
}

const MOST_REFUSED: usize = 100_000;
const MOST_WARNINGS: usize = 1_000;
static ARGUMENTS: Source = Source::argument();

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&str]) -> IdList {
        let mut list = IdList::new();
        for text in texts {
            list.read(&Source::stdin(), text.as_bytes(), &Options::default()).unwrap();
        }
        list
    }

    #[test]
    fn keeps_each_id_once_in_the_order_of_all_sources() {
        let list = list(&["3\n1\n3\n", "1\n2\n"]);
        assert_eq!(list.ids().iter().map(|id| id.get()).collect::<Vec<_>>(), [3, 1, 2]);
        assert_eq!(list.counts(), Counts { read: 5, accepted: 3, duplicates: 2, ..Counts::default() });
        assert_eq!(list.verdict(), Verdict::Ok);
        assert_eq!(list.into_ids().len(), 3);
    }

    #[test]
    fn knows_which_source_an_item_came_from() {
        let mut list = IdList::new();
        list.read_arguments(["1", "x", "2"], &Options::default());
        for name in ["a.txt", "b.txt"] {
            list.read(&Source::file(name), &b"1\nx\n"[..], &Options::default()).unwrap();
        }
        let at = list.refused().map(|(source, refused)| refused.at(source)).collect::<Vec<_>>();
        let reason = Reason::NotAnId;
        assert_eq!(at, ["argument 2", "a.txt:2", "b.txt:2"].map(|at| format!("{at}: \"x\": {reason}")));
    }

    #[test]
    fn has_no_verdict_ok_without_ids() {
        for text in ["", "\n", "# nothing\n", "id\n", "id,text\n", "[]"] {
            assert_eq!(list(&[text]).verdict(), Verdict::Refused, "{text:?}");
        }
        assert_eq!(IdList::new().verdict(), Verdict::Refused);
    }

    #[test]
    fn finds_a_small_rounded_source_between_large_good_ones() {
        let good =
            (0..20_000_u64).map(|n| format!("{}\n", 1_500_000_000_000_000_001 + n * 10)).collect::<String>();
        let rounded = "1507842158812340000\n1507913325127590000\n1508001274466150000\n1508001274466160000\n";
        for texts in [&[&good, rounded][..], &[rounded, &good], &[&good, rounded, &good]] {
            let list = list(texts);
            assert_eq!(list.rounding().map(|rounding| (rounding.rounded(), rounding.long())), Some((4, 4)));
            assert_eq!((list.verdict(), list.verdict_on_items()), (Verdict::Rounded, Verdict::Ok));
        }
        assert_eq!(list(&[&good]).rounding(), None);
    }

    #[test]
    fn finds_rounding_that_only_all_sources_together_show() {
        let halves =
            ["1507842158812340000\n1507913325127590000\n", "1508001274466150000\n1508001274466160000\n"];
        assert_eq!(list(&halves[..1]).rounding(), None);
        assert_eq!(list(&halves).verdict(), Verdict::Rounded);
    }

    #[test]
    fn counts_what_it_does_not_keep() {
        let mut list = IdList::new();
        let bad = Refused { line: 1, text: "x".to_owned(), reason: Reason::NotAnId };
        let id = "15".parse().unwrap();
        for _ in 0..MOST_REFUSED + 5 {
            list.add(Item::Refused(bad.clone()));
            list.add(Item::Warning(Warning { line: 1, id, kind: crate::WarningKind::Future }));
        }
        assert_eq!((list.refused().len(), list.counts().refused), (MOST_REFUSED, 100_005));
        assert_eq!((list.warnings().len(), list.warned()), (MOST_WARNINGS, 100_005));
        assert_eq!(list.counts().read, 100_005);
    }
}
