//! What nothing public settles, and can be told otherwise.

use serde::Deserialize;

/// The emulator's choices where the public documentation leaves one (contract §10). A `[switches]` table of a world
/// file sets them by their names here, with hyphens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Switches {
    /// Refuse what the documentation does not say is allowed: numeric ids, `Tweet.id`, `media_clicks`, one bound of a
    /// window without the other, bounds on 28hr, offsets other than UTC's.
    pub strict: bool,
    /// Counts as JSON numbers instead of texts.
    pub numbers: bool,
    /// `engagement.hour` without `engagement.day` adds up the same hour of all days, instead of implying the day.
    pub hour_of_day: bool,
    /// Answer 406 to a request that does not accept gzip.
    pub require_gzip: bool,
    /// Where impressions and engagements of Tweets older than 90 days are left out.
    pub ninety_day_rule: NinetyDayRule,
    /// Refuse windows that begin more than 365 days ago.
    pub history_365_days: bool,
    /// Take the legacy name `media_clicks` for `media_engagements`, unless strict.
    pub media_clicks: bool,
    /// Name forbidden Tweets by author, as older answers did.
    pub old_forbidden_text: bool,
    /// What the body of a refusal looks like.
    pub error_body: ErrorBody,
    /// Echo a window's end as it was asked for.
    pub unrounded_end: bool,
    /// Send the rate-limit headers for each second too.
    pub per_second_headers: bool,
    /// Who shares a quota.
    pub quota_pool: QuotaPool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            strict: false,
            numbers: false,
            hour_of_day: false,
            require_gzip: true,
            ninety_day_rule: NinetyDayRule::Totals,
            history_365_days: true,
            media_clicks: false,
            old_forbidden_text: false,
            error_body: ErrorBody::Object,
            unrounded_end: false,
            per_second_headers: false,
            quota_pool: QuotaPool::App,
        }
    }
}

impl Switches {
    /// Sets one by its name: `numbers` and `true`, `quota-pool` and `token`.
    ///
    /// # Errors
    ///
    /// A name or value that there is not.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), InvalidSwitch> {
        let quoted = if matches!(value, "true" | "false") { value.to_owned() } else { format!("{value:?}") };
        let known = Self::NAMES.contains(&name);
        let one = known.then(|| toml::from_str::<Self>(&format!("{name} = {quoted}")));
        let Some(Ok(one)) = one else {
            return Err(InvalidSwitch { name: name.to_owned(), value: value.to_owned(), known });
        };
        match name {
            "strict" => self.strict = one.strict,
            "numbers" => self.numbers = one.numbers,
            "hour-of-day" => self.hour_of_day = one.hour_of_day,
            "require-gzip" => self.require_gzip = one.require_gzip,
            "ninety-day-rule" => self.ninety_day_rule = one.ninety_day_rule,
            "history-365-days" => self.history_365_days = one.history_365_days,
            "media-clicks" => self.media_clicks = one.media_clicks,
            "old-forbidden-text" => self.old_forbidden_text = one.old_forbidden_text,
            "error-body" => self.error_body = one.error_body,
            "unrounded-end" => self.unrounded_end = one.unrounded_end,
            "per-second-headers" => self.per_second_headers = one.per_second_headers,
            _ => self.quota_pool = one.quota_pool,
        }
        Ok(())
    }

    /// The names of all switches.
    pub const NAMES: [&str; 12] = [
        "strict",
        "numbers",
        "hour-of-day",
        "require-gzip",
        "ninety-day-rule",
        "history-365-days",
        "media-clicks",
        "old-forbidden-text",
        "error-body",
        "unrounded-end",
        "per-second-headers",
        "quota-pool",
    ];
}

/// Where the 90-day rule holds; the documentation contradicts itself (contract §8 no. 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NinetyDayRule {
    /// On totals.
    #[default]
    Totals,
    /// On all three endpoints.
    All,
    /// Nowhere.
    Off,
}

/// Form of an error body (contract §5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorBody {
    /// `{"errors":["text"]}`.
    #[default]
    Object,
    /// `["text"]`.
    Array,
    /// Nothing.
    Empty,
}

/// Who draws on one quota; unknown for this API (contract §5.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QuotaPool {
    /// All of an app's requests.
    #[default]
    App,
    /// Each user token of an app, and the app on its own.
    Token,
    /// Each endpoint, for each token.
    Endpoint,
}

/// A switch that there is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSwitch {
    name: String,
    value: String,
    known: bool,
}

impl core::fmt::Display for InvalidSwitch {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if self.known {
            return write!(f, "the switch {} cannot be {:?}", self.name, self.value);
        }
        write!(f, "there is no switch {:?}; there are {}", self.name, Switches::NAMES.join(", "))
    }
}

impl core::error::Error for InvalidSwitch {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_set_by_name() {
        for name in Switches::NAMES {
            let mut switches = Switches::default();
            let value = match name {
                "ninety-day-rule" => "all",
                "error-body" => "array",
                "quota-pool" => "token",
                "require-gzip" | "history-365-days" => "false",
                _ => "true",
            };
            switches.set(name, value).unwrap();
            assert_ne!(switches, Switches::default(), "{name}");
        }
    }

    #[test]
    fn an_unknown_one_names_the_others() {
        let error = Switches::default().set("number", "true").unwrap_err().to_string();
        assert!(error.contains("numbers, hour-of-day"), "{error}");
        let error = Switches::default().set("error-body", "xml").unwrap_err().to_string();
        assert!(error.contains("\"xml\""), "{error}");
        assert!(Switches::default().set("strict = true\nnumbers", "true").is_err());
    }
}
