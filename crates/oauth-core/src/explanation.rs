//! Why a signature is wrong, as far as a server can tell.

mod draft;
mod guesses;

use alloc::{
    borrow::{Cow, ToOwned},
    format,
    string::String,
    vec::Vec,
};
use core::fmt;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

use self::{
    draft::{Draft, pairs},
    guesses::Guesses,
};
use crate::{
    difference::Part,
    percent,
    request::is_form,
    url::Target,
    verifier::{Claim, Received, Refusal, Registry, Strays},
};

/// Looks for the mistake that makes a client's signature what it is.
///
/// A server has the signature and not what was signed. So this signs the request again with each of some seventy
/// well-known mistakes, one after the other, and tells which one gives the signature that came. If none does, it tells
/// what the server signed, without values: then a secret is wrong, or a value was changed on the way.
///
/// This costs as much as checking seventy requests, and tells whoever asks which of its guesses was close. It is for
/// servers of developers. A stranger cannot make it cost much: a request of more than [`MAX_EXPLAINED_PARAMETERS`]
/// parameters, or whose URL, header and form have more than [`MAX_EXPLAINED_BYTES`] together, is not signed again, and
/// the explanation says so.
///
/// ```
/// use oauth_core::{
///     Credentials, Elsewhere, NonceRecord, Part, Received, Registry, Remembered, Request, Secret, Stamp, Timestamp,
///     explain, sign,
/// };
///
/// /// Knows one app and no users. Nothing is remembered: explaining accepts nothing.
/// struct Server;
///
/// impl Registry for Server {
///     fn consumer_secret(&self, consumer_key: &str) -> Option<Secret> {
///         (consumer_key == "key").then(|| Secret::from("secret"))
///     }
///     fn token_secret(&self, _: &str, _: &str) -> Option<Secret> {
///         None
///     }
///     fn remember(&mut self, _: NonceRecord<'_>) -> Remembered {
///         Remembered::New
///     }
/// }
///
/// // The client signs a GET and sends a POST.
/// let url = "https://api.twitter.com/1.1/statuses/update.json";
/// let stamp = Stamp { timestamp: Timestamp::new(1_700_000_000)?, nonce: "n0nce" };
/// let signed = sign(&Request::new("GET", url), &Credentials::consumer("key", "secret"), stamp)?;
/// let received =
///     Received { method: "POST", url, authorization: &[signed.authorization()], content_type: None, body: b"" };
///
/// let explanation = explain(&received, &Server, &Elsewhere::default())?;
/// assert_eq!(explanation.part(), Some(Part::Method));
/// println!("{explanation}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// A request that [`verify`](crate::verify) refuses before it comes to the signature gets that refusal.
pub fn explain(
    received: &Received<'_>,
    registry: &impl Registry,
    elsewhere: &Elsewhere<'_>,
) -> Result<Explanation, Refusal> {
    let claim = Claim::read(received, Strays::Accept)?;
    let (consumer_secret, token_secret) = claim.secrets(registry)?;
    let base_string = String::from_utf8_lossy(&claim.base.join()).into_owned();
    let names: Vec<String> =
        claim.base.iter().take(MAX_NAMES).map(|pair| shortened(pair.decoded_name())).collect();
    let unnamed = claim.base.len() - names.len();
    // Reading the claim has proved that the URL can be split.
    let target = Target::received(received.url).unwrap_or(Target::NOWHERE);
    let method = received.method.to_ascii_uppercase();
    let mut right = Draft::new(received, target, &consumer_secret, token_secret.as_ref());
    let uri = right.uri();
    let verdict = if is_too_much(received, &claim) {
        Verdict::TooMuch
    } else {
        right.pairs = pairs(received, target);
        debug_assert_eq!(right.pairs.len(), claim.base.len());
        verdict(&right, &claim.signature, received, elsewhere)
    };
    Ok(Explanation { verdict, method, uri, names, unnamed, base_string })
}

/// The most parameters that a request may have for [`explain`] to look for a mistake.
pub const MAX_EXPLAINED_PARAMETERS: usize = 64;
/// The most bytes that URL, header and form may have for [`explain`] to look for a mistake, and that a body of another
/// type may have to be looked at too.
pub const MAX_EXPLAINED_BYTES: usize = 8 * 1024;

/// Where else a client may believe the server to be, and so have signed for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Elsewhere<'a> {
    /// Other places that the server goes by, such as `https://data-api.twitter.com` for one that stands in for it.
    pub origins: &'a [&'a str],
    /// Other paths that it answers.
    pub paths: &'a [&'a str],
}

/// What [`explain`] found. Shown, it holds neither secrets nor values of parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct Explanation {
    verdict: Verdict,
    method: String,
    uri: String,
    /// The first of them.
    names: Vec<String>,
    /// How many more there are.
    unnamed: usize,
    base_string: String,
}

impl Explanation {
    /// The part that the client signed differently, if a known mistake explains the signature.
    pub fn part(&self) -> Option<Part> {
        match self.verdict {
            Verdict::Mistake { part, .. } => Some(part),
            Verdict::Right | Verdict::Unknown | Verdict::TooMuch => None,
        }
    }

    /// The base string that the server made, to be compared with the client's by
    /// [`explain_difference`](crate::explain_difference). It holds the values of all parameters.
    pub fn base_string(&self) -> &str {
        &self.base_string
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verdict {
            Verdict::Right => return f.write_str("the signature is right"),
            Verdict::Mistake { part, sentence } => write!(f, "{part}: {sentence}")?,
            Verdict::Unknown => f.write_str(
                "no known mistake gives this signature: a secret is wrong, or method, URL or a parameter's value differ",
            )?,
            Verdict::TooMuch => write!(
                f,
                "no mistake was looked for: that is done up to {MAX_EXPLAINED_PARAMETERS} parameters and \
                 {MAX_EXPLAINED_BYTES} bytes of URL, header and form"
            )?,
        }
        write!(f, "; signed here: {} {} with {}", self.method, self.uri, self.names.join(", "))?;
        if self.unnamed > 0 {
            write!(f, " and {} more", self.unnamed)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Explanation({self})")
    }
}

#[derive(Clone, PartialEq, Eq)]
enum Verdict {
    Right,
    Mistake {
        part: Part,
        sentence: String,
    },
    Unknown,
    /// It would take too long to tell.
    TooMuch,
}

impl Verdict {
    fn mistake(part: Part, sentence: impl Into<String>) -> Self {
        Self::Mistake { part, sentence: sentence.into() }
    }
}

fn is_too_much(received: &Received<'_>, claim: &Claim) -> bool {
    let header: usize = received.authorization.iter().map(|value| value.len()).sum();
    let form = if received.content_type.is_some_and(is_form) { received.body.len() } else { 0 };
    claim.base.len() > MAX_EXPLAINED_PARAMETERS || received.url.len() + header + form > MAX_EXPLAINED_BYTES
}

fn verdict(right: &Draft, signature: &str, received: &Received<'_>, elsewhere: &Elsewhere<'_>) -> Verdict {
    if right.signs(signature) {
        return Verdict::Right;
    }
    if let Some(verdict) = misspelt(right, signature) {
        return verdict;
    }
    let mut guesses = Guesses { right, signature, found: None };
    guesses.secrets();
    guesses.urls(received, elsewhere);
    guesses.parameters(received);
    guesses.encodings();
    guesses.found.unwrap_or(Verdict::Unknown)
}

/// What is wrong with the signature's own text: it is the right one in another spelling, or none at all.
fn misspelt(right: &Draft, signature: &str) -> Option<Verdict> {
    let mistake = |sentence: String| Some(Verdict::mistake(Part::Protocol, sentence));
    let decoded = percent::decode(signature).map(Cow::into_owned).unwrap_or_default();
    for (spelling, sentence) in [
        (signature.trim().to_owned(), "has white space around it"),
        (format!("{signature}="), "came without the = at its end"),
        (signature.replace(' ', "+"), "has blanks where its plus signs were not percent-encoded"),
        (decoded, "was percent-encoded once too often"),
        (format!("{:=<28}", signature.replace('-', "+").replace('_', "/")), "is in base64 for URLs"),
    ] {
        if right.signs(&spelling) {
            return mistake(format!("the signature {sentence}"));
        }
    }
    let bytes = STANDARD_NO_PAD.decode(signature.trim().trim_end_matches('='));
    match bytes.map(|bytes| bytes.len()) {
        Ok(20) => None,
        Ok(32) => mistake("the signature has 32 bytes, as of HMAC-SHA256, and HMAC-SHA1 makes 20".into()),
        Ok(count) => mistake(format!("the signature has {count} bytes, and HMAC-SHA1 makes 20")),
        Err(_) => mistake("the signature is no base64".into()),
    }
}

/// A name that is not longer than anybody wants to read.
fn shortened(mut name: String) -> String {
    if let Some((end, _)) = name.char_indices().nth(MAX_NAME) {
        name.truncate(end);
        name.push('…');
    }
    name
}

/// The most names that are shown, and the most characters of each.
const MAX_NAMES: usize = 32;
const MAX_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::{authorization::Authorization, secret::Secret, signature::SigningKey};
    use crate::{
        request::Request,
        signer::{Stamp, sign},
        timestamp::Timestamp,
        verifier::{NonceRecord, Reason, Remembered},
    };

    struct Server;

    impl Registry for Server {
        fn consumer_secret(&self, consumer_key: &str) -> Option<Secret> {
            (consumer_key == "key").then(|| "consumer/secret".into())
        }

        fn token_secret(&self, _: &str, token: &str) -> Option<Secret> {
            (token == "token").then(|| "token+secret".into())
        }

        fn remember(&mut self, _: NonceRecord<'_>) -> Remembered {
            Remembered::New
        }
    }

    const URL: &str = "https://API.example.com/1/it%65ms.json?q=a+b%2fc&p=*&p1=%C3%A9~&p-=";
    const FORM: &str = "application/x-www-form-urlencoded";
    const BODY: &[u8] = b"status=Hi+there&a=2&a=1";
    const KEY: &str = "consumer%2Fsecret&token%2Bsecret";
    const BASE: &str = "POST&https%3A%2F%2Fapi.example.com%2F1%2Fit%2565ms.json&a%3D1%26a%3D2%26\
        oauth_consumer_key%3Dkey%26oauth_nonce%3Dn%252F1%26oauth_signature_method%3DHMAC-SHA1%26\
        oauth_timestamp%3D7%26oauth_token%3Dtoken%26oauth_version%3D1.0%26p%3D%252A%26p-%3D%26\
        p1%3D%25C3%25A9~%26q%3Da%2520b%252Fc%26status%3DHi%2520there";

    fn header(signature: &str) -> String {
        Authorization::default()
            .with_realm("Photos")
            .with("oauth_consumer_key", "key")
            .with("oauth_token", "token")
            .with("oauth_signature_method", "HMAC-SHA1")
            .with("oauth_timestamp", "7")
            .with("oauth_nonce", "n/1")
            .with("oauth_version", "1.0")
            .with("oauth_signature", signature)
            .to_header_value()
    }

    /// The header with another signature.
    fn resigned(header: &str, signature: &str) -> String {
        let (before, rest) = header.split_once("oauth_signature=\"").unwrap();
        let (_, after) = rest.split_once('"').unwrap();
        format!("{before}oauth_signature=\"{}\"{after}", percent::encode(signature))
    }

    const ELSEWHERE: Elsewhere<'static> =
        Elsewhere { origins: &["https://other.example:444"], paths: &["/2/items.json"] };

    fn explained(base: &str, key: &str) -> Explanation {
        let signature = SigningKey::from_bytes(key.as_bytes()).sign(base);
        let received = Received {
            method: "POST",
            url: URL,
            authorization: &[&header(signature.as_str())],
            content_type: Some(FORM),
            body: BODY,
        };
        explain(&received, &Server, &ELSEWHERE).unwrap()
    }

    fn check(base: &str, key: &str, part: Part, sentence: &str) {
        let explanation = explained(base, key);
        assert_eq!(explanation.part(), Some(part), "{base} {key}: {explanation}");
        let shown = explanation.to_string();
        assert!(shown.starts_with(&format!("{part}: {sentence}; signed here: POST ")), "{shown}");
    }

    /// A mistake that changes the base string, which it has to do.
    fn check_base(from: &str, to: &str, part: Part, sentence: &str) {
        assert!(BASE.contains(from), "{from}");
        check(&BASE.replace(from, to), KEY, part, sentence);
    }

    #[test]
    fn a_right_signature_needs_no_explanation() {
        let explanation = explained(BASE, KEY);
        assert_eq!(explanation.to_string(), "the signature is right");
        assert_eq!(explanation.base_string(), BASE);
    }

    #[test]
    fn tells_mistakes_with_the_secrets() {
        let check_key = |key, sentence| check(BASE, key, Part::Secrets, sentence);
        check_key("consumer%2Fsecret&", "the token secret was left out of the key");
        check_key("consumer/secret&token+secret", "the secrets were not percent-encoded in the key");
        check_key("consumer%2Fsecrettoken%2Bsecret", "the key had no ampersand behind the consumer secret");
        check_key("token%2Bsecret", "the key was the token secret alone");
        check_key("&token%2Bsecret", "the consumer secret was left out of the key");
        check_key("token%2Bsecret&consumer%2Fsecret", "the two secrets were exchanged in the key");
        check_key("consumer%2Fsecret%0A&token%2Bsecret", "the consumer secret had a line feed at its end");
        check_key("consumer%2Fsecret&token%2Bsecret%20", "the token secret had a blank at its end");
    }

    #[test]
    fn tells_mistakes_with_method_and_url() {
        check_base("POST", "GET", Part::Method, "GET was signed");
        check_base("POST", "post", Part::Method, "the method was signed in lower case");
        check_base("https%", "http%", Part::Scheme, "http was signed");
        check_base(
            "https%3A%2F%2Fapi.example.com",
            "http%3A%2F%2Fapi.example.com%3A443",
            Part::Scheme,
            "http was signed, with this scheme's default port",
        );
        check_base(".com", ".com%3A443", Part::Port, "port 443 was signed though it is the scheme's default");
        check_base("api", "API", Part::Host, "the host was signed with its capitals");
        check_base(
            "api.example.com",
            "other.example%3A444",
            Part::Host,
            "https://other.example:444 was signed",
        );
        check_base("1%2Fit%2565ms.json", "2%2Fitems.json", Part::Path, "/2/items.json was signed");
        check_base("json", "json%2F", Part::Path, "a slash was signed at the path's end");
        check_base("it%2565ms", "items", Part::Path, "the path was signed decoded");
        check_base("it%2565ms", "it%252565ms", Part::Path, "the path was encoded once too often");
        let without_query = BASE.replace("p%3D%252A%26p-%3D%26p1%3D%25C3%25A9~%26q%3Da%2520b%252Fc%26", "");
        check(&without_query, KEY, Part::Query, "the query was not signed");
        let in_url =
            without_query.replace("json", "json%3Fq%3Da%2Bb%252fc%26p%3D%2A%26p1%3D%25C3%25A9~%26p-%3D");
        check(&in_url, KEY, Part::Query, "the query was signed as part of the URL");
    }

    #[test]
    fn tells_mistakes_with_parameters() {
        let form = BASE.replace("a%3D1%26a%3D2%26", "").replace("%26status%3DHi%2520there", "");
        check(&form, KEY, Part::Body, "the form body was not signed");
        check_base("%26oauth_version%3D1.0", "", Part::Protocol, "oauth_version was sent and not signed");
        check_base("status", "realm%3DPhotos%26status", Part::Protocol, "the realm was signed");
        check_base(
            "a%3D1%26a%3D2",
            "a%3D2%26a%3D1",
            Part::Order,
            "parameters of the same name were not sorted by value",
        );
        check_base(
            "p%3D%252A%26p-%3D%26p1%3D%25C3%25A9~",
            "p-%3D%26p1%3D%25C3%25A9~%26p%3D%252A",
            Part::Order,
            "the parameters were sorted with name and value as one text",
        );
    }

    #[test]
    fn tells_mistakes_with_the_encoding() {
        let check_encoding = |from, to, sentence| check_base(from, to, Part::Encoding, sentence);
        check_encoding("%2520", "%2B", "blanks were signed as plus signs and not as %20");
        check_encoding("~", "%257E", "~ was encoded, and must not be");
        check_encoding("%252A", "%2A", "!*'() were not encoded, and must be");
        check_encoding("%252F", "%2F", "/ was not encoded, and must be");
        check_encoding("%25C3%25A9", "%25E9", "what is not ASCII was signed in Latin-1 and not in UTF-8");
        check_encoding("n%252F1", "n%25252F1", "the header's values were encoded once too often");
        let hex =
            BASE.replace("%25C3%25A9", "%25c3%25a9").replace("%252F", "%252f").replace("%252A", "%252a");
        check(&hex, KEY, Part::Encoding, "hex digits of the values were signed in lower case");
        let plus = BASE.replace("a%2520b", "a%252Bb").replace("Hi%2520", "Hi%252B");
        check(
            &plus,
            KEY,
            Part::Encoding,
            "a plus sign of query or form was signed as one, and means a blank",
        );
    }

    #[test]
    fn tells_a_json_body_that_was_signed() {
        let credentials =
            crate::Credentials::consumer("key", "consumer/secret").with_token("token", "token+secret");
        let stamp = Stamp { timestamp: Timestamp::new(7).unwrap(), nonce: "n" };
        let wrong = Request::new("POST", "https://h/").body(FORM, b"{\"a\":1}");
        let signed = sign(&wrong, &credentials, stamp).unwrap();
        let received = Received {
            method: "POST",
            url: "https://h/",
            authorization: &[signed.authorization()],
            content_type: Some("application/json"),
            body: b"{\"a\":1}",
        };
        let explanation = explain(&received, &Server, &ELSEWHERE).unwrap();
        assert_eq!(explanation.part(), Some(Part::Body), "{explanation}");
        let base = signed.base_string().replace("%257B%2522a%2522%253A1%257D%3D%26", "");
        let base = base.replace("&oauth_consumer", "&%3D%257B%2522a%2522%253A1%257D%26oauth_consumer");
        let signature = SigningKey::from_bytes(KEY.as_bytes()).sign(&base);
        let header = resigned(signed.authorization(), signature.as_str());
        let received = Received { authorization: &[&header], ..received };
        let explanation = explain(&received, &Server, &ELSEWHERE).unwrap().to_string();
        assert!(
            explanation.starts_with("body: the whole body was signed as a parameter's value;"),
            "{explanation}"
        );
    }

    #[test]
    fn tells_a_signature_that_is_misspelt_or_none() {
        let credentials =
            crate::Credentials::consumer("key", "consumer/secret").with_token("token", "token+secret");
        let request = Request::new("GET", "https://h/");
        let signed = |seconds| {
            let stamp = Stamp { timestamp: Timestamp::new(seconds).unwrap(), nonce: "n" };
            sign(&request, &credentials, stamp).unwrap()
        };
        let has_both =
            |signed: &crate::Signed| signed.signature().contains('+') && signed.signature().contains('/');
        let signed = (1..).map(signed).find(has_both).unwrap();
        let right = signed.signature();
        for (signature, sentence) in [
            (format!("{right}\n"), "has white space around it"),
            (right.trim_end_matches('=').to_owned(), "came without the = at its end"),
            (right.replace('+', " "), "has blanks where its plus signs were not percent-encoded"),
            (percent::encode(right).to_string(), "was percent-encoded once too often"),
            (right.trim_end_matches('=').replace('+', "-").replace('/', "_"), "is in base64 for URLs"),
            (format!("{}=", "A".repeat(43)), "has 32 bytes, as of HMAC-SHA256, and HMAC-SHA1 makes 20"),
            ("AAAA".to_owned(), "has 3 bytes, and HMAC-SHA1 makes 20"),
            ("~".to_owned(), "is no base64"),
        ] {
            let header = resigned(signed.authorization(), &signature);
            let received = Received {
                method: "GET",
                url: "https://h/",
                authorization: &[&header],
                content_type: None,
                body: b"",
            };
            let explanation = explain(&received, &Server, &ELSEWHERE).unwrap();
            assert_eq!(explanation.part(), Some(Part::Protocol), "{signature}");
            let shown = explanation.to_string();
            assert!(shown.starts_with(&format!("protocol parameters: the signature {sentence};")), "{shown}");
        }
    }

    #[test]
    fn what_is_too_large_is_not_signed_again_and_its_names_are_few() {
        let header = header(&format!("{}=", "A".repeat(27)));
        let shown = |url: &str, content_type, body: &[u8]| {
            let authorization = &[header.as_str()];
            let received = Received { method: "POST", url, authorization, content_type, body };
            explain(&received, &Server, &ELSEWHERE).unwrap().to_string()
        };
        const TOO_MUCH: &str = "no mistake was looked for: that is done up to 64 parameters and 8192 bytes";
        let own = 6;
        let names = |count: usize| "a&".repeat(count - own);
        assert!(!shown("https://h/", Some(FORM), names(64).as_bytes()).starts_with(TOO_MUCH));
        let many = shown("https://h/", Some(FORM), names(65).as_bytes());
        assert!(many.starts_with(TOO_MUCH) && many.ends_with(" and 33 more"), "{many}");
        assert!(shown(&format!("https://h/?{}", names(65)), None, b"").starts_with(TOO_MUCH));
        let long = format!("a={}", "b".repeat(MAX_EXPLAINED_BYTES));
        assert!(shown("https://h/", Some(FORM), long.as_bytes()).starts_with(TOO_MUCH));
        // What is not signed does not count.
        assert!(!shown("https://h/", None, long.as_bytes()).starts_with(TOO_MUCH));

        let named = shown(&format!("https://h/?{}", "é".repeat(65)), None, b"");
        assert!(named.contains(&format!(" {}…", "é".repeat(64))), "{named}");
        let hostile = shown("https://h/", Some(FORM), "a&".repeat(131_000).as_bytes());
        assert!(hostile.len() < 400, "{hostile}");
    }

    #[test]
    fn an_unknown_mistake_shows_names_and_no_values() {
        let explanation = explained(&BASE.replace("Hi", "Ho"), KEY);
        assert_eq!(explanation.part(), None);
        assert_eq!(
            format!("{explanation:?}"),
            "Explanation(no known mistake gives this signature: a secret is wrong, or method, URL or a parameter's \
             value differ; signed here: POST https://api.example.com/1/it%65ms.json with a, a, oauth_consumer_key, \
             oauth_nonce, oauth_signature_method, oauth_timestamp, oauth_token, oauth_version, p, p-, p1, q, status)"
        );
    }

    #[test]
    fn what_is_refused_earlier_stays_refused() {
        let received =
            Received { method: "GET", url: URL, authorization: &[], content_type: None, body: &[] };
        assert_eq!(explain(&received, &Server, &ELSEWHERE).unwrap_err().reason(), Reason::NotOauth);
    }
}
