// Made by `cargo xtask codegen` from contract/metrics.toml: change that, not this.

use super::{Context, Facts, OtherMetric};
use crate::{endpoint::Endpoint, grouping::Dimension};

/// A metric by its wire name. Ordered by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Metric {
    /// `app_install_attempts`: App installs begun from the Tweet.
    AppInstallAttempts,
    /// `app_opens`: App launches begun from the Tweet.
    AppOpens,
    /// `detail_expands`: Times someone opened the Tweet for more detail.
    DetailExpands,
    /// `email_tweet`: Times the Tweet was sent on by e-mail.
    EmailTweet,
    /// `engagements`: All interactions of any kind with the Tweet; can exceed the sum of the single metrics; media views left out since 2017-10-09.
    Engagements,
    /// `favorites`: Likes given to the Tweet.
    Favorites,
    /// `hashtag_clicks`: Clicks on a hashtag in the Tweet.
    HashtagClicks,
    /// `impressions`: Times the Tweet was shown to someone, leaving out promoted showings.
    Impressions,
    /// `media_engagements`: Clicks on the media in the Tweet.
    MediaEngagements,
    /// `media_views`: Views of videos, GIFs and images in the Tweet, started by click or by autoplay.
    MediaViews,
    /// `permalink_clicks`: Clicks through to the Tweet's own page.
    PermalinkClicks,
    /// `quote_tweets`: Retweets that add a comment.
    QuoteTweets,
    /// `replies`: Replies to the Tweet.
    Replies,
    /// `retweets`: Plain Retweets of the Tweet.
    Retweets,
    /// `url_clicks`: Clicks on links in the Tweet, which may include the link behind a hashtag.
    UrlClicks,
    /// `user_follows`: Follows of the author made from the Tweet.
    UserFollows,
    /// `user_profile_clicks`: Clicks on the author's profile from the Tweet.
    UserProfileClicks,
    /// `video_views`: Video at least half visible for two seconds or more, no GIFs; totals adds up every Tweet carrying the video, the other endpoints count this Tweet only.
    VideoViews,
    /// A name that the table does not know: sent by the server unasked, or asked for on purpose.
    Other(OtherMetric),
}

impl Metric {
    /// Every metric of the table, by name.
    pub const ALL: [Self; 18] = [
        Self::AppInstallAttempts,
        Self::AppOpens,
        Self::DetailExpands,
        Self::EmailTweet,
        Self::Engagements,
        Self::Favorites,
        Self::HashtagClicks,
        Self::Impressions,
        Self::MediaEngagements,
        Self::MediaViews,
        Self::PermalinkClicks,
        Self::QuoteTweets,
        Self::Replies,
        Self::Retweets,
        Self::UrlClicks,
        Self::UserFollows,
        Self::UserProfileClicks,
        Self::VideoViews,
    ];

    /// The metric of the table with this wire name: exact, lower-case, no blanks (contract V5).
    pub fn known(name: &str) -> Option<Self> {
        Some(match name {
            "app_install_attempts" => Self::AppInstallAttempts,
            "app_opens" => Self::AppOpens,
            "detail_expands" => Self::DetailExpands,
            "email_tweet" => Self::EmailTweet,
            "engagements" => Self::Engagements,
            "favorites" => Self::Favorites,
            "hashtag_clicks" => Self::HashtagClicks,
            "impressions" => Self::Impressions,
            "media_engagements" => Self::MediaEngagements,
            "media_views" => Self::MediaViews,
            "permalink_clicks" => Self::PermalinkClicks,
            "quote_tweets" => Self::QuoteTweets,
            "replies" => Self::Replies,
            "retweets" => Self::Retweets,
            "url_clicks" => Self::UrlClicks,
            "user_follows" => Self::UserFollows,
            "user_profile_clicks" => Self::UserProfileClicks,
            "video_views" => Self::VideoViews,
            _ => return None,
        })
    }

    /// What the table says of this metric; `None` for [`Metric::Other`].
    pub const fn facts(&self) -> Option<&'static Facts> {
        match self {
            Self::AppInstallAttempts => Some(&FACTS[0]),
            Self::AppOpens => Some(&FACTS[1]),
            Self::DetailExpands => Some(&FACTS[2]),
            Self::EmailTweet => Some(&FACTS[3]),
            Self::Engagements => Some(&FACTS[4]),
            Self::Favorites => Some(&FACTS[5]),
            Self::HashtagClicks => Some(&FACTS[6]),
            Self::Impressions => Some(&FACTS[7]),
            Self::MediaEngagements => Some(&FACTS[8]),
            Self::MediaViews => Some(&FACTS[9]),
            Self::PermalinkClicks => Some(&FACTS[10]),
            Self::QuoteTweets => Some(&FACTS[11]),
            Self::Replies => Some(&FACTS[12]),
            Self::Retweets => Some(&FACTS[13]),
            Self::UrlClicks => Some(&FACTS[14]),
            Self::UserFollows => Some(&FACTS[15]),
            Self::UserProfileClicks => Some(&FACTS[16]),
            Self::VideoViews => Some(&FACTS[17]),
            Self::Other(_) => None,
        }
    }

    /// Its place in [`Metric::ALL`]; `None` for [`Metric::Other`].
    pub(super) const fn place(&self) -> Option<usize> {
        match self {
            Self::AppInstallAttempts => Some(0),
            Self::AppOpens => Some(1),
            Self::DetailExpands => Some(2),
            Self::EmailTweet => Some(3),
            Self::Engagements => Some(4),
            Self::Favorites => Some(5),
            Self::HashtagClicks => Some(6),
            Self::Impressions => Some(7),
            Self::MediaEngagements => Some(8),
            Self::MediaViews => Some(9),
            Self::PermalinkClicks => Some(10),
            Self::QuoteTweets => Some(11),
            Self::Replies => Some(12),
            Self::Retweets => Some(13),
            Self::UrlClicks => Some(14),
            Self::UserFollows => Some(15),
            Self::UserProfileClicks => Some(16),
            Self::VideoViews => Some(17),
            Self::Other(_) => None,
        }
    }
}

/// One row for each of [`Metric::ALL`], in its order.
static FACTS: [Facts; 18] = [
    Facts {
        name: "app_install_attempts",
        endpoints: &[Endpoint::Last28Hours, Endpoint::Historical],
        app_only_totals: false,
        max_age_days: None,
        max_age_endpoints: &[],
        age_list_key: None,
        formerly: &[],
        zero_before: None,
        since: None,
        app_only_since: None,
        context: Context::OrganicAndPromoted,
        context_documented: false,
        v2_insights: Some("AppInstallAttempts"),
        v2_analytics: Some("app_install_attempts"),
        description: "App installs begun from the Tweet.",
    },
    Facts {
        name: "app_opens",
        endpoints: &[Endpoint::Last28Hours, Endpoint::Historical],
        app_only_totals: false,
        max_age_days: None,
        max_age_endpoints: &[],
        age_list_key: None,
        formerly: &[],
        zero_before: None,
        since: None,
        app_only_since: None,
        context: Context::OrganicAndPromoted,
        context_documented: false,
        v2_insights: Some("AppOpens"),
        v2_analytics: Some("app_opens"),
        description: "App launches begun from the Tweet.",
    },
    Facts {
        name: "detail_expands",
        endpoints: &[Endpoint::Last28Hours, Endpoint::Historical],
        app_only_totals: false,
        max_age_days: None,
        max_age_endpoints: &[],
        age_list_key: None,
        formerly: &[],
        zero_before: None,
        since: None,
        app_only_since: None,
        context: Context::OrganicAndPromoted,
        context_documented: false,
        v2_insights: Some("DetailExpands"),
        v2_analytics: Some("detail_expands"),
        description: "Times someone opened the Tweet for more detail.",
    },
    Facts {
        name: "email_tweet",
        endpoints: &[Endpoint::Last28Hours, Endpoint::Historical],
        app_only_totals: false,
        max_age_days: None,
        max_age_endpoints: &[],
        age_list_key: None,
        formerly: &[],
        zero_before: None,
        since: None,
        app_only_since: None,
        context: Context::OrganicAndPromoted,
        context_documented: false,
        v2_insights: Some("EmailTweet"),
        v2_analytics: Some("email_tweet"),
        description: "Times the Tweet was sent on by e-mail.",
    },
    Facts {
        name: "engagements",
        endpoints: &[Endpoint::Totals, Endpoint::Last28Hours, Endpoint::Historical],
        app_only_totals: false,
        max_age_days: Some(90),
        max_age_endpoints: &[Endpoint::Totals],
        age_list_key: Some("unsupported_for_impressions_engagements_tweet_ids"),
        formerly: &[],
        zero_before: None,
        since: None,
        app_only_since: None,
        context: Context::OrganicAndPromoted,
        context_documented: true,
        v2_insights: Some("Engagements"),
        v2_analytics: Some("engagements"),
        description: "All interactions of any kind with the Tweet; can exceed the sum of the single metrics; media views left out since 2017-10-09.",
    },
    Facts {
        name: "favorites",
        endpoints: &[Endpoint::Totals, Endpoint::Last28Hours, Endpoint::Historical],
        app_only_totals: true,
        max_age_days: None,
        max_age_endpoints: &[],
        age_list_key: None,
        formerly: &[],
        zero_before: Some("2015-09-15"),
        since: None,
        app_only_since: None,
        context: Context::OrganicAndPromoted,
        context_documented: false,
        v2_insights: Some("Likes"),
        v2_analytics: Some("likes"),
        description: "Likes given to the Tweet.",
    },
    Facts {
        name: "hashtag_clicks",
        endpoints: &[Endpoint::Last28Hours, Endpoint::Historical],
        app_only_totals: false,
        max_age_days: None,
        max_age_endpoints: &[],
        age_list_key: None,
        formerly: &[],
        zero_before: None,
        since: None,
        app_only_since: None,
        context: Context::OrganicAndPromoted,
        context_documented: false,
        v2_insights: Some("HashtagClicks"),
        v2_analytics: Some("hashtag_clicks"),
        description: "Clicks on a hashtag in the Tweet.",
    },
    Facts {
        name: "impressions",
        endpoints: &[Endpoint::Totals, Endpoint::Last28Hours, Endpoint::Historical],
        app_only_totals: false,
        max_age_days: Some(90),
        max_age_endpoints: &[Endpoint::Totals],
        age_list_key: Some("unsupported_for_impressions_engagements_tweet_ids"),
        formerly: &[],
        zero_before: None,
        since: None,
        app_only_since: None,
        context: Context::Organic,
        context_documented: true,
        v2_insights: Some("Impressions"),
        v2_analytics: Some("impressions"),
        description: "Times the Tweet was shown to someone, leaving out promoted showings.",
    },
    Facts {
        name: "media_engagements",
        endpoints: &[Endpoint::Last28Hours, Endpoint::Historical],
        app_only_totals: false,
        max_age_days: None,
        max_age_endpoints: &[],
        age_list_key: None,
        formerly: &["media_clicks"],
        zero_before: None,
        since: Some("2017-10-09"),
        app_only_since: None,
        context: Context::OrganicAndPromoted,
        context_documented: false,
        v2_insights: Some("MediaEngagements"),
        v2_analytics: Some("media_engagements"),
        description: "Clicks on the media in the Tweet.",
    },
    Facts {
        name: "media_views",
        endpoints: &[Endpoint::Last28Hours, Endpoint::Historical],
        app_only_totals: false,
        max_age_days: None,
        max_age_endpoints: &[],
        age_list_key: None,
        formerly: &[],
        zero_before: None,
        since: Some("2017-10-09"),
        app_only_since: None,
        context: Context::OrganicAndPromoted,
        context_documented: false,
        v2_insights: Some("MediaViews"),
        v2_analytics: Some("media_views"),
        description: "Views of videos, GIFs and images in the Tweet, started by click or by autoplay.",
    },
    Facts {
        name: "permalink_clicks",
        endpoints: &[Endpoint::Last28Hours, Endpoint::Historical],
        app_only_totals: false,
        max_age_days: None,
        max_age_endpoints: &[],
        age_list_key: None,
        formerly: &[],
        zero_before: None,
        since: None,
        app_only_since: None,
        context: Context::OrganicAndPromoted,
        context_documented: false,
        v2_insights: Some("PermalinkClicks"),
        v2_analytics: Some("permalink_clicks"),
        description: "Clicks through to the Tweet's own page.",
    },
    Facts {
        name: "quote_tweets",
        endpoints: &[Endpoint::Totals],
        app_only_totals: true,
        max_age_days: None,
        max_age_endpoints: &[],
        age_list_key: None,
        formerly: &[],
        zero_before: None,
        since: None,
        app_only_since: Some("2020-07-07"),
        context: Context::OrganicAndPromoted,
        context_documented: false,
        v2_insights: Some("QuoteTweets"),
        v2_analytics: Some("quote_tweets"),
        description: "Retweets that add a comment.",
    },
    Facts {
        name: "replies",
        endpoints: &[Endpoint::Totals, Endpoint::Last28Hours, Endpoint::Historical],
        app_only_totals: true,
        max_age_days: None,
        max_age_endpoints: &[],
        age_list_key: None,
        formerly: &[],
        zero_before: Some("2015-09-15"),
        since: None,
        app_only_since: None,
        context: Context::OrganicAndPromoted,
        context_documented: false,
        v2_insights: Some("Replies"),
        v2_analytics: Some("replies"),
        description: "Replies to the Tweet.",
    },
    Facts {
        name: "retweets",
        endpoints: &[Endpoint::Totals, Endpoint::Last28Hours, Endpoint::Historical],
        app_only_totals: true,
        max_age_days: None,
        max_age_endpoints: &[],
        age_list_key: None,
        formerly: &[],
        zero_before: Some("2015-09-15"),
        since: None,
        app_only_since: None,
        context: Context::OrganicAndPromoted,
        context_documented: false,
        v2_insights: Some("Retweets"),
        v2_analytics: Some("retweets"),
        description: "Plain Retweets of the Tweet.",
    },
    Facts {
        name: "url_clicks",
        endpoints: &[Endpoint::Last28Hours, Endpoint::Historical],
        app_only_totals: false,
        max_age_days: None,
        max_age_endpoints: &[],
        age_list_key: None,
        formerly: &[],
        zero_before: None,
        since: None,
        app_only_since: None,
        context: Context::OrganicAndPromoted,
        context_documented: false,
        v2_insights: Some("UrlClicks"),
        v2_analytics: Some("url_clicks"),
        description: "Clicks on links in the Tweet, which may include the link behind a hashtag.",
    },
    Facts {
        name: "user_follows",
        endpoints: &[Endpoint::Last28Hours, Endpoint::Historical],
        app_only_totals: false,
        max_age_days: None,
        max_age_endpoints: &[],
        age_list_key: None,
        formerly: &[],
        zero_before: None,
        since: None,
        app_only_since: None,
        context: Context::OrganicAndPromoted,
        context_documented: false,
        v2_insights: Some("Follows"),
        v2_analytics: Some("follows"),
        description: "Follows of the author made from the Tweet.",
    },
    Facts {
        name: "user_profile_clicks",
        endpoints: &[Endpoint::Last28Hours, Endpoint::Historical],
        app_only_totals: false,
        max_age_days: None,
        max_age_endpoints: &[],
        age_list_key: None,
        formerly: &[],
        zero_before: None,
        since: None,
        app_only_since: None,
        context: Context::OrganicAndPromoted,
        context_documented: false,
        v2_insights: Some("UserProfileClicks"),
        v2_analytics: Some("user_profile_clicks"),
        description: "Clicks on the author's profile from the Tweet.",
    },
    Facts {
        name: "video_views",
        endpoints: &[Endpoint::Totals, Endpoint::Last28Hours, Endpoint::Historical],
        app_only_totals: true,
        max_age_days: Some(1800),
        max_age_endpoints: &[Endpoint::Totals, Endpoint::Last28Hours, Endpoint::Historical],
        age_list_key: Some("unsupported_for_video_views_tweet_ids"),
        formerly: &[],
        zero_before: None,
        since: None,
        app_only_since: Some("2018-07-06"),
        context: Context::OrganicAndPromoted,
        context_documented: false,
        v2_insights: Some("VideoViews"),
        v2_analytics: None,
        description: "Video at least half visible for two seconds or more, no GIFs; totals adds up every Tweet carrying the video, the other endpoints count this Tweet only.",
    },
];

/// Groupings in one request, at most (contract V8, documented).
pub const MAX_GROUPINGS: usize = 3;

/// Dimensions in one grouping, at most.
pub const MAX_GROUP_BY: usize = 4;

/// Groupings of four dimensions in one request, at most (contract V13, documented).
pub const MAX_FOUR_LEVEL_GROUPINGS: usize = 1;

/// Length of a window in hours, at most (contract 2.3 rule 4, documented; inclusive by our choice).
pub const WINDOW_MAX_HOURS: u32 = 672;

/// No data before this time (contract 2.3 rule 6, documented).
pub const HISTORY_FLOOR: &str = "2014-09-01T00:00:00Z";

/// How many days back data reaches, by a newer page than the reference (contract 2.3 rule 7, documented).
pub const HISTORY_MAX_DAYS: u32 = 365;

/// Tweet ids in one request, at most (contract V2, documented).
pub(crate) const fn max_tweet_ids(endpoint: Endpoint) -> usize {
    match endpoint {
        Endpoint::Totals => 250,
        Endpoint::Last28Hours => 25,
        Endpoint::Historical => 25,
    }
}

/// Dimensions that the endpoint can group by (contract V10, documented).
pub(crate) const fn dimensions(endpoint: Endpoint) -> &'static [Dimension] {
    match endpoint {
        Endpoint::Totals => &[Dimension::TweetId, Dimension::EngagementType],
        Endpoint::Last28Hours => &[
            Dimension::TweetId,
            Dimension::EngagementType,
            Dimension::EngagementDay,
            Dimension::EngagementHour,
        ],
        Endpoint::Historical => &[
            Dimension::TweetId,
            Dimension::EngagementType,
            Dimension::EngagementDay,
            Dimension::EngagementHour,
        ],
    }
}
