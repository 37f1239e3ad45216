//! Signatures over one URL with ever other parameters.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::{cmp::Ordering, fmt};

use hmac::{Hmac, Mac};
use sha1::Sha1;

use crate::{
    absorber::Absorber,
    credentials::Credentials,
    message::with_query,
    normal_form::{FEW, PROTOCOL_START},
    percent::{self, FirstEight},
    request::Request,
    signature::Signature,
    signer::{Layout, PreparedCredentials, Protocol, STAMP_ROOM, SignError, Stamp, Written, complete, start},
    url::Target,
};

/// One method and URL and their credentials, made ready to be signed with other parameters each time.
///
/// All that comes before the parameters in the base string is absorbed once, and the parameters are given as plain text,
/// so that nothing has to be read back from a URL. They go into the query, for which [`Template::url`] makes the URL, or
/// into a form body, which [`form`](crate::form) makes: the signature is the same.
///
/// ```
/// use oauth_core::{Credentials, Request, Stamp, Template, Timestamp};
///
/// let request = Request::new("GET", "https://api.twitter.com/1.1/search/tweets.json");
/// let search = Template::new(&request, &Credentials::consumer("key", "secret").with_token("token", "secret"))?;
/// let parameters = [("q", "snow ☃"), ("count", "100")];
/// let stamp = Stamp { timestamp: Timestamp::new(1_700_000_000)?, nonce: "never used before" };
/// let header = search.authorization(&parameters, stamp)?;
/// assert!(header.starts_with("OAuth "));
/// assert_eq!(
///     search.url(&parameters),
///     "https://api.twitter.com/1.1/search/tweets.json?q=snow%20%E2%98%83&count=100"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Template {
    /// Has absorbed the key and the base string up to its parameters.
    state: Hmac<Sha1>,
    protocol: Protocol,
    url: Box<str>,
    form: Box<[u8]>,
    /// Whether URL or form have parameters of their own.
    has_own: bool,
}

impl Template {
    /// Makes a request ready. Parameters that its URL or its form has already are signed each time.
    ///
    /// # Errors
    ///
    /// As for [`sign`](crate::sign).
    pub fn new(request: &Request<'_>, credentials: &Credentials) -> Result<Self, SignError> {
        PreparedCredentials::new(credentials).template(request)
    }

    /// The header value for these names and values, this time and nonce. One allocation for up to sixteen parameters
    /// without `oauth_` names where URL and form have none of their own; else a base string is put together, which takes
    /// some more.
    ///
    /// # Errors
    ///
    /// An empty nonce is refused, and a parameter that the signer sets itself or that is there already.
    pub fn authorization(&self, parameters: &[(&str, &str)], stamp: Stamp<'_>) -> Result<String, SignError> {
        let mut out = String::new();
        self.write_authorization(parameters, stamp, &mut out)?;
        Ok(out)
    }

    /// Adds the header value to the text, with one allocation less if the room suffices.
    ///
    /// # Errors
    ///
    /// As for [`Template::authorization`]; nothing is added then.
    pub fn write_authorization(
        &self,
        parameters: &[(&str, &str)],
        stamp: Stamp<'_>,
        out: &mut String,
    ) -> Result<(), SignError> {
        let mut room = [0; STAMP_ROOM];
        let stamp = Written::new(stamp, &mut room)?;
        let nonce = stamp.nonce_encoded_twice();
        let block = self.protocol.pieces(&nonce, stamp);
        let short = if self.has_own { None } else { absorb(parameters, block, self.state.clone()) };
        let state = match short {
            Some(state) => state,
            None => {
                let target = Target::to_send(&self.url).map_err(SignError::Url)?;
                complete(Vec::new(), &target, &self.form, parameters, block, Layout::Together)?
                    .absorb(self.state.clone())
            }
        };
        self.protocol.write_header(stamp, out, || Signature::finish(state));
        Ok(())
    }

    /// The URL to send when the parameters go into the query: encoded, behind those that it has already, in their order.
    pub fn url(&self, parameters: &[(&str, &str)]) -> String {
        with_query(&self.url, parameters)
    }
}

impl PreparedCredentials {
    /// A template for requests of one method and URL.
    ///
    /// # Errors
    ///
    /// As for [`sign`](crate::sign).
    pub fn template(&self, request: &Request<'_>) -> Result<Template, SignError> {
        let protocol = self.protocol(request)?.into_owned();
        let (head, target, form) = start(request, &protocol, Written::NOTHING)?;
        let pieces = protocol.pieces("", Written::NOTHING);
        complete(Vec::new(), &target, form, &[], pieces, Layout::Together)?;
        let mut state = self.key().state();
        state.update(&head);
        Ok(Template {
            state,
            url: request.url.into(),
            form: form.into(),
            has_own: !target.query.is_empty() || !form.is_empty(),
            protocol,
        })
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template([redacted])")
    }
}

/// Gives the MAC the parameters, among them the block of those of the protocol, which is encoded twice already and
/// comes in pieces.
///
/// `None` if a parameter has an `oauth_` name, whose place may be inside of the block, or if there are too many: all
/// that is general is done by [`BaseString`](crate::base_string::BaseString).
fn absorb(parameters: &[(&str, &str)], block: [&str; 5], state: Hmac<Sha1>) -> Option<Hmac<Sha1>> {
    let mut keys = [0; FEW];
    let keys = keys.get_mut(..parameters.len())?;
    let mut all_plain = true;
    for (index, (key, (name, _))) in keys.iter_mut().zip(parameters).enumerate() {
        let start = FirstEight::of(name.as_bytes());
        all_plain &= start.are_plain();
        *key = start.bytes().swap_bytes() & !0xFF | index as u64;
    }
    let pair = |key: u64| parameters[usize::from(key.to_le_bytes()[0]) % FEW];
    if all_plain {
        keys.sort_unstable();
    }
    // What starts alike is looked at whole, and so is what does not sort as it is.
    if !all_plain || keys.windows(2).any(|two| two[0] >> 8 == two[1] >> 8) {
        keys.sort_unstable_by(|a, b| compare_pairs(pair(*a), pair(*b)));
    }
    let is_before = |key: &u64| match key >> 16 {
        start if all_plain => start < PROTOCOL_START,
        _ => compare(pair(*key).0, PROTOCOL_PREFIX) == Ordering::Less,
    };
    let (before, after) = keys.split_at(keys.partition_point(is_before));
    if after.first().is_some_and(|key| pair(*key).0.starts_with(PROTOCOL_PREFIX)) {
        return None;
    }
    let mut mac = Absorber::new(state);
    for key in before {
        push_pair(&mut mac, pair(*key));
        mac.push_sign(b"%26");
    }
    for piece in block {
        mac.push(piece.as_bytes());
    }
    for key in after {
        mac.push_sign(b"%26");
        push_pair(&mut mac, pair(*key));
    }
    Some(mac.finish())
}

#[inline(always)]
fn push_pair(mac: &mut Absorber, (name, value): (&str, &str)) {
    mac.push_encoded_twice(name.as_bytes());
    mac.push_sign(b"%3D");
    mac.push_encoded_twice(value.as_bytes());
}

/// By name, then value, as they are when encoded.
fn compare_pairs(a: (&str, &str), b: (&str, &str)) -> Ordering {
    compare(a.0, b.0).then_with(|| compare(a.1, b.1))
}

/// The order of the encoded texts: all that is escaped begins with `%`, which sorts before what is not.
fn compare(a: &str, b: &str) -> Ordering {
    let order = |byte: u8| (percent::is_unreserved(byte), byte);
    a.bytes().map(order).cmp(b.bytes().map(order))
}

/// The beginning that all protocol parameters have.
const PROTOCOL_PREFIX: &str = "oauth_";

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::{BodyHash, Place, Timestamp};

    const URL: &str = "https://h/p";

    fn credentials() -> Credentials {
        Credentials::consumer("key", "secret").with_token("token", "secret")
    }

    fn stamp() -> Stamp<'static> {
        Stamp { timestamp: Timestamp::new(1).unwrap(), nonce: "nonce/☃" }
    }

    fn signed_at(url: &str, parameters: &[(&str, &str)]) -> Result<String, SignError> {
        Template::new(&Request::new("get", url), &credentials())?.authorization(parameters, stamp())
    }

    fn signed_whole(url: &str) -> Result<String, SignError> {
        PreparedCredentials::new(&credentials()).authorization(&Request::new("GET", url), stamp())
    }

    #[test]
    fn joins_what_the_url_has() {
        for url in [
            URL,
            "https://h/p?",
            "https://h/p?b=1&a=%20",
            "https://h/p??",
            "https://H:443?x=+#f",
            "http://[::1]:8080/ä%C3",
        ] {
            let url = &crate::wire_url(url);
            for parameters in [&[][..], &[("b", "0"), ("", ""), ("é", "ü")]] {
                let template = Template::new(&Request::new("GET", url), &credentials()).unwrap();
                let whole = signed_whole(&template.url(parameters));
                assert_eq!(template.authorization(parameters, stamp()), whole, "{url}");
            }
        }
    }

    #[test]
    fn joins_a_form_and_all_that_a_request_asks_for() {
        let request = Request::new("POST", URL).callback("oob").realm("r").parameter("oauth_x", "y");
        let form = |body| request.clone().body("application/x-www-form-urlencoded", body);
        let template = Template::new(&form(b"b=1&a=2"), &credentials()).unwrap();
        let whole = PreparedCredentials::new(&credentials()).authorization(&form(b"b=1&a=2&c=%20"), stamp());
        assert_eq!(template.authorization(&[("c", " ")], stamp()), whole);
        let hashed = Request::new("POST", URL).body("application/json", b"{}").body_hash(BodyHash::Include);
        let template = Template::new(&hashed, &credentials()).unwrap();
        let whole = PreparedCredentials::new(&credentials()).authorization(&hashed, stamp());
        assert_eq!(template.authorization(&[], stamp()), whole);
    }

    #[test]
    fn refuses_what_the_signer_sets() {
        let place = Place::Parameter { index: 1 };
        let reserved = SignError::ReservedParameter { name: "oauth_nonce".into(), place };
        assert_eq!(
            reserved.to_string(),
            "oauth_nonce cannot be given as a parameter, as it is at index 1 of the parameters: the signer sets the \
             protocol's own, and others in the header begin with oauth_"
        );
        assert_eq!(signed_at(URL, &[("a", ""), ("oauth_nonce", "n")]), Err(reserved));
        let name = "oauth_x".to_string();
        let twice = SignError::DuplicateParameter { name, place };
        assert_eq!(signed_at(URL, &[("oauth_x", ""), ("oauth_x", "n")]), Err(twice.clone()));
        assert_eq!(signed_at("https://h/?oauth_x=1", &[("a", ""), ("oauth_x", "n")]), Err(twice));
        assert_eq!(signed_at(URL, &[("oauth_x", "")]), signed_whole("https://h/p?oauth_x="));
        let unready = Template::new(&Request::new("GET", "https://h/?a=%"), &credentials());
        assert_eq!(unready.unwrap_err(), SignError::Query { at: 13 });
        let template = Template::new(&Request::new("GET", URL), &credentials()).unwrap();
        let mut out = "kept".to_string();
        let empty = Stamp { nonce: "", ..stamp() };
        assert_eq!(template.write_authorization(&[], empty, &mut out), Err(SignError::EmptyNonce));
        assert_eq!(out, "kept");
    }

    #[test]
    fn shows_nothing() {
        let template = Template::new(&Request::new("GET", "https://h/?a=s3cr3t"), &credentials()).unwrap();
        assert_eq!(format!("{template:?}"), "Template([redacted])");
    }

    proptest! {
        #[test]
        fn agrees_with_the_whole_url(
            pairs in vec(("([a-c_]{0,2}|o|oauth|oauth-|oauthz|oauth\0|[ -~é🦀\0]{0,9})", "(.{0,3}|[ -~é写🦀]{0,40})"), 0..20),
            same in vec(("(same-name|same-nam|same-name%|same-name\0|same-nameé)", "[a%é0]{0,2}"), 0..9),
        ) {
            for pairs in [&pairs, &same] {
                let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
                let template = Template::new(&Request::new("GET", URL), &credentials()).unwrap();
                prop_assert_eq!(template.authorization(&pairs, stamp()), signed_whole(&template.url(&pairs)));
            }
        }
    }
}
