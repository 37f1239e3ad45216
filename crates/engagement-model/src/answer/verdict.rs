//! What an answer says about its values outside its grouping.

use core::cell::OnceCell;

use crate::{
    metric::Metric,
    outcome::{Outcome, Reason},
    refusal::{Message, Named},
    tweet_id::TweetId,
};

/// See the module.
pub(super) struct Verdict<'a> {
    messages: &'a [Message],
    unavailable: &'a [TweetId],
    unsupported: &'a [(TweetId, Metric)],
    forbidden: Named,
    /// Made when they are needed: most answers have nothing to explain.
    why_unavailable: OnceCell<Reason>,
    why_unsupported: OnceCell<Reason>,
    why_no_video_views: OnceCell<Reason>,
    why_forbidden: OnceCell<Reason>,
    why_unmentioned: OnceCell<Reason>,
}

impl<'a> Verdict<'a> {
    pub(super) fn new(
        messages: &'a [Message],
        unavailable: &'a [TweetId],
        unsupported: &'a [(TweetId, Metric)],
    ) -> Self {
        Self {
            messages,
            unavailable,
            unsupported,
            forbidden: Named::read(messages.iter().map(|message| message.text.as_str())),
            why_unavailable: OnceCell::new(),
            why_unsupported: OnceCell::new(),
            why_no_video_views: OnceCell::new(),
            why_forbidden: OnceCell::new(),
            why_unmentioned: OnceCell::new(),
        }
    }

    /// The first message with these words in it, or else ours.
    fn why(&self, slot: &OnceCell<Reason>, words: &str, ours: &str) -> Reason {
        let find = || {
            let mut texts = self.messages.iter().map(|message| message.text.as_str());
            texts.find(|text| text.to_ascii_lowercase().contains(words))
        };
        slot.get_or_init(|| Reason::new(find().unwrap_or(ours))).clone()
    }

    fn unavailable(&self) -> Outcome {
        Outcome::Unavailable(self.why(&self.why_unavailable, "unavailable", "listed as unavailable"))
    }

    /// The message about age is about impressions and engagements; no message about video views is known (contract 3.4).
    fn unsupported(&self, metric: &Metric) -> Outcome {
        let ours = "listed as too old for this metric";
        Outcome::Unsupported(match metric {
            Metric::VideoViews => self.why(&self.why_no_video_views, "video", ours),
            _ => self.why(&self.why_unsupported, "older than", ours),
        })
    }

    fn forbidden(&self) -> Outcome {
        Outcome::Forbidden(self.why(&self.why_forbidden, "forbidden", ""))
    }

    pub(super) fn disowns_anything(&self) -> bool {
        !(self.unavailable.is_empty()
            && self.unsupported.is_empty()
            && self.forbidden.tweet_ids.is_empty()
            && self.forbidden.metrics.is_empty())
    }

    /// What a list says of this Tweet and metric, whatever value there is.
    pub(super) fn on(&self, tweet_id: TweetId, metric: &Metric) -> Option<Outcome> {
        if self.unavailable.contains(&tweet_id) {
            Some(self.unavailable())
        } else if self.forbidden.tweet_ids.contains(&tweet_id) || self.forbidden.metrics.contains(metric) {
            Some(self.forbidden())
        } else if self.unsupported.iter().any(|(id, too_old_for)| *id == tweet_id && too_old_for == metric) {
            Some(self.unsupported(metric))
        } else {
            None
        }
    }

    /// What becomes of something that nothing in the answer is about. A message that goes with one of the lists is
    /// about what stands there.
    pub(super) fn unmentioned(&self) -> Outcome {
        if self.forbidden.unnamed {
            return self.forbidden();
        }
        let is_of_a_list = |text: &str| {
            let text = text.to_ascii_lowercase();
            (text.contains("unavailable") && !self.unavailable.is_empty())
                || (text.contains("older than") && !self.unsupported.is_empty())
        };
        let find = || {
            let mut texts = self.messages.iter().map(|message| message.text.as_str());
            texts.find(|text| !is_of_a_list(text))
        };
        let why = || Reason::new(find().unwrap_or("the answer does not mention it"));
        Outcome::Unaccounted(self.why_unmentioned.get_or_init(why).clone())
    }
}
