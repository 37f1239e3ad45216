//! What answers say of a credential.
//!
//! The server's own words tell little: an unknown token, one that was revoked and one of another app are all `Invalid or
//! expired token` (contract §6.5). What is known besides tells them apart: whether the key was accepted for something
//! else, whether the token was accepted before, whether another app that is held here can use it.

use core::fmt;

use engagement_model::{
    Access, Endpoint, Grouping, Metric, Request,
    grouping::Dimension,
    refusal::{Refusal, RefusalKind, code},
};
use oauth_core::app_only::BearerToken;
use serde::Deserialize;

use crate::{
    errand::{Errand, Proof, Reply},
    holdings::{Account, Finding},
};

/// Reads the answer to [`Errand::bearer_token`].
///
/// # Errors
///
/// What is wrong with the app, or with the way to the server. Where it [may be either](Trouble::may_be_haste), ask
/// something else with the key before it is blamed.
pub fn bearer(reply: &Reply) -> Result<BearerToken, Trouble> {
    if reply.status == 200 {
        return BearerToken::parse_answer(reply.text()).map_err(|_| Trouble::strange(reply));
    }
    Err(Trouble::read(reply, Finding::WrongConsumer))
}

/// Reads the answer to [`Errand::verify`], given that the app is good.
///
/// # Errors
///
/// What is wrong with the token. One that was accepted by an earlier check is revoked, and not wrong.
pub fn account(reply: &Reply, account: &Account) -> Result<Identity, Trouble> {
    if reply.status == 200 {
        let who: Who = serde_json::from_str(reply.text()).map_err(|_| Trouble::strange(reply))?;
        let user_id = who.id_str.parse().map_err(|_| Trouble::strange(reply))?;
        return Ok(Identity { user_id, handle: who.screen_name });
    }
    let was_good =
        account.checked.is_some_and(|checked| matches!(checked.found, Finding::Good | Finding::RevokedToken));
    let mut trouble =
        Trouble::read(reply, if was_good { Finding::RevokedToken } else { Finding::WrongToken });
    // The token was found, and the signature with it was wrong; the consumer's half of the key is not, as is known.
    if trouble.code == Some(code::NOT_AUTHENTICATED) && trouble.finding.is_about_credential() {
        trouble.finding = Finding::WrongTokenSecret;
    }
    Err(trouble)
}

/// Reads the answer to [`Errand::revoke`].
///
/// # Errors
///
/// What keeps the server from revoking it.
pub fn revoked(reply: &Reply) -> Result<Revoked, Trouble> {
    match reply.status {
        200 => Ok(Revoked::Now),
        _ => match Trouble::read(reply, Finding::RevokedToken) {
            trouble if trouble.code == Some(code::INVALID_TOKEN) => Ok(Revoked::Unknown),
            trouble => Err(trouble),
        },
    }
}

/// How a token came to be good no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// The server has revoked it.
    Now,
    /// The server did not know it: it was revoked before, or never was one.
    Unknown,
}

/// Reads the answer to [`Errand::invalidate_bearer`]. A token that is not good any more counts as invalidated; that the
/// key is wrong is said in the same way (contract §6.5), so it must be known to be good.
///
/// # Errors
///
/// What keeps the server from invalidating it.
pub fn revoked_bearer(reply: &Reply) -> Result<(), Trouble> {
    match reply.status {
        200 => Ok(()),
        _ => match Trouble::read(reply, Finding::WrongBearer) {
            trouble if trouble.finding == Finding::WrongBearer => Ok(()),
            trouble => Err(trouble),
        },
    }
}

/// Asks the Engagement API for something small, to see whether the app may ask at all: the public totals of one Tweet.
/// It costs a request of the quota.
///
/// `None` if the model's rules leave nothing to ask, which they do not.
pub fn probe(base_url: &str, proof: Proof) -> Option<Errand> {
    let metric = Access::AppOnly.metrics(Endpoint::Totals).next()?;
    let by = [Dimension::TweetId, Dimension::EngagementType];
    let grouping = Grouping::new("probe", by).ok()?;
    let tweet_id = PROBE.parse().ok()?;
    let metrics: [Metric; 1] = [metric];
    let request = Request::totals([tweet_id], metrics, [grouping]).ok()?;
    let url = format!("{}{}", base_url.trim_end_matches('/'), Endpoint::Totals.path());
    Some(Errand::json(url, proof, &request.to_json()))
}

/// Reads the answer to [`probe`]. Whatever is said of the Tweet itself is no trouble.
///
/// # Errors
///
/// The app is not provisioned, or its credential is not accepted.
pub fn probed(reply: &Reply, refused: Finding) -> Result<(), Trouble> {
    if reply.status == 200 {
        return Ok(());
    }
    let trouble = Trouble::read(reply, refused);
    if trouble.is_about_data { Ok(()) } else { Err(trouble) }
}

/// Who a token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The numeric id.
    pub user_id: u64,
    /// The screen name, as it is now.
    pub handle: String,
}

#[derive(Deserialize)]
struct Who {
    id_str: String,
    screen_name: String,
}

/// What a check found that is not good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What kind of thing it is.
    pub finding: Finding,
    /// By how many seconds the server's clock is ahead, where that is the trouble.
    pub clock_ahead: Option<i64>,
    /// The server's words, cleaned; empty when it had none.
    pub words: String,
    status: u16,
    code: Option<u32>,
    /// Whether it is about Tweets or metrics, and so not about who asks.
    is_about_data: bool,
}

impl Trouble {
    /// Whether the server may mean that it is asked for a bearer token too often: it says so in the words with which it
    /// refuses a wrong key (contract §6.4, §6.5).
    pub fn may_be_haste(&self) -> bool {
        self.code == Some(code::NOT_VERIFIED)
    }

    /// Reads an answer that is none; `refused` is what it means that the credential is not accepted.
    pub(crate) fn read(reply: &Reply, refused: Finding) -> Self {
        let refusal = Refusal::read(reply.status, &reply.body);
        let is_refused = matches!(refusal.kind, RefusalKind::Authentication)
            || refusal.codes.iter().any(|code| code::OF_CREDENTIAL.contains(code));
        let finding = match &refusal.kind {
            RefusalKind::ClockOff => Finding::ClockOff,
            RefusalKind::RateLimited => Finding::QuotaUsedUp,
            RefusalKind::NotProvisioned => Finding::NotProvisioned,
            _ if is_refused => refused,
            _ => Finding::Server,
        };
        let is_about_data = matches!(
            refusal.kind,
            RefusalKind::UnavailableTweets
                | RefusalKind::TooOld
                | RefusalKind::ForbiddenTweets { .. }
                | RefusalKind::ForbiddenMetrics { .. }
        );
        Self {
            finding,
            clock_ahead: reply.clock_ahead.filter(|_| finding == Finding::ClockOff),
            words: refusal.words(),
            status: refusal.status,
            code: refusal.codes.first().copied(),
            is_about_data,
        }
    }

    /// A success without what it should bring; the body may hold a token, so none of it is shown.
    fn strange(reply: &Reply) -> Self {
        Self {
            finding: Finding::Server,
            clock_ahead: None,
            words: String::new(),
            status: reply.status,
            code: None,
            is_about_data: false,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.finding, self.clock_ahead) {
            (Finding::ClockOff, Some(ahead)) if ahead < 0 => {
                write!(
                    f,
                    "the clocks are too far apart: this machine's is {} s ahead of the server's",
                    -ahead
                )?;
            }
            (Finding::ClockOff, Some(ahead)) => {
                write!(f, "the clocks are too far apart: the server's is {ahead} s ahead of this machine's")?;
            }
            (finding, _) => f.write_str(finding.describe())?,
        }
        write!(f, " (status {})", self.status)?;
        if self.words.is_empty() { Ok(()) } else { write!(f, ": {}", self.words) }
    }
}

impl std::error::Error for Trouble {}

impl Finding {
    /// What it means, without a full stop.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Good => "the server accepts it",
            Self::WrongConsumer => "the server does not accept the consumer key with its secret",
            Self::WrongBearer => "the server does not accept the bearer token",
            Self::WrongToken => "the server does not know this access token for this app",
            Self::RevokedToken => {
                "the server does not accept this access token any more: it was revoked or reset, since access tokens \
                 do not expire"
            }
            Self::OtherApp => "the access token belongs to another app",
            Self::WrongTokenSecret => "the access token's secret does not belong to it",
            Self::ClockOff => "the clocks are too far apart",
            Self::NotProvisioned => "the app is not provisioned for the Engagement API",
            Self::QuotaUsedUp => "the quota is used up, so nothing was found out",
            Self::Network => "the server cannot be reached",
            Self::Server => "the server does not answer as it should",
        }
    }
}

/// A Tweet that everybody may read about, the first one that was not a test.
const PROBE: &str = "20";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holdings::Checked;

    fn reply(status: u16, body: &str) -> Reply {
        Reply { status, body: body.as_bytes().to_vec(), clock_ahead: Some(0) }
    }

    fn error(code: u32) -> String {
        format!(r#"{{"errors":[{{"code":{code},"message":"no"}}]}}"#)
    }

    fn brand(found: Option<Finding>) -> Account {
        let mut account = Account::new("1111-t", "s").with_handle("demo_brand");
        account.checked = found.map(|found| Checked { at: "2026-11-25T10:00:00Z".parse().unwrap(), found });
        account
    }

    #[test]
    fn apps_are_told_apart() {
        let good = r#"{"token_type":"bearer","access_token":"AAAA%3D"}"#;
        assert_eq!(bearer(&reply(200, good)).unwrap().secret().expose(), "AAAA%3D");
        let found = |status, body: &str| bearer(&reply(status, body)).unwrap_err().finding;
        assert_eq!(found(403, &error(99)), Finding::WrongConsumer);
        assert_eq!(found(401, &error(32)), Finding::WrongConsumer);
        assert_eq!(found(429, &error(88)), Finding::QuotaUsedUp);
        assert_eq!(found(503, ""), Finding::Server);
        assert_eq!(found(200, "<html>"), Finding::Server);
        let may_be_haste = |code| bearer(&reply(403, &error(code))).unwrap_err().may_be_haste();
        assert!(may_be_haste(99) && !may_be_haste(32));
    }

    #[test]
    fn tokens_are_told_apart_by_what_was_found_before() {
        let who = r#"{"id":1111,"id_str":"1111","screen_name":"renamed","x":{}}"#;
        let identity = account(&reply(200, who), &brand(None)).unwrap();
        assert_eq!(identity, Identity { user_id: 1111, handle: "renamed".to_owned() });
        let found = |code, before| account(&reply(401, &error(code)), &brand(before)).unwrap_err().finding;
        assert_eq!(found(89, None), Finding::WrongToken);
        assert_eq!(found(89, Some(Finding::WrongToken)), Finding::WrongToken);
        assert_eq!(found(89, Some(Finding::Good)), Finding::RevokedToken);
        assert_eq!(found(89, Some(Finding::RevokedToken)), Finding::RevokedToken);
        assert_eq!(found(32, Some(Finding::Good)), Finding::WrongTokenSecret);
        assert_eq!(found(135, None), Finding::ClockOff);
    }

    #[test]
    fn clocks_are_named_in_seconds_both_ways() {
        let words = |ahead| {
            let reply = Reply { clock_ahead: Some(ahead), ..reply(401, &error(135)) };
            account(&reply, &brand(None)).unwrap_err().to_string()
        };
        assert!(words(600).contains("the server's is 600 s ahead"), "{}", words(600));
        assert!(words(-600).contains("this machine's is 600 s ahead"), "{}", words(-600));
    }

    #[test]
    fn a_probe_asks_for_provisioning_alone() {
        let errand = probe("https://h/", Proof::Header("Bearer x".into())).unwrap();
        assert_eq!(errand.url, "https://h/insights/engagement/totals");
        assert!(errand.body.unwrap().1.expose().contains("\"20\""));
        let found =
            |status, body: &str| probed(&reply(status, body), Finding::WrongBearer).map_err(|t| t.finding);
        assert_eq!(found(200, "{}"), Ok(()));
        assert_eq!(
            found(400, r#"{"errors":["1 Tweet ID(s) are unavailable"],"unavailable_tweet_ids":["20"]}"#),
            Ok(())
        );
        let unprovisioned = r#"{"errors":["Your application ID is not authorized."]}"#;
        assert_eq!(found(403, unprovisioned), Err(Finding::NotProvisioned));
        let refused =
            r#"{"errors":["Your account could not be authenticated. Reason: Access token not found"]}"#;
        assert_eq!(found(401, refused), Err(Finding::WrongBearer));
        assert_eq!(found(404, ""), Err(Finding::Server));
    }

    #[test]
    fn what_is_revoked_already_counts_as_revoked() {
        assert_eq!(revoked(&reply(200, "{}")), Ok(Revoked::Now));
        assert_eq!(revoked(&reply(401, &error(89))), Ok(Revoked::Unknown));
        assert!(revoked(&reply(503, "")).is_err());
    }

    #[test]
    fn every_finding_is_described() {
        assert!(Finding::ALL.iter().all(|finding| !finding.describe().is_empty()));
    }
}
