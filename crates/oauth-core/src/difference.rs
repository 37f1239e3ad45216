//! What differs between two base strings.

use alloc::{
    borrow::Cow,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use crate::percent;

/// Compares the base string that a client says it signed with the one that the server made.
///
/// Names of parameters are told and their values are not, since one may be a password. Nothing differs exactly if the
/// list is empty.
///
/// ```
/// use oauth_core::explain_difference;
///
/// let found = explain_difference("GET&http%3A%2F%2Fh%2Fp&a%3D1", "GET&https%3A%2F%2Fh%2Fp&a%3D2%26b%3D");
/// let found: Vec<String> = found.iter().map(ToString::to_string).collect();
/// assert_eq!(found, ["scheme: client signed http, server has https", "value of a differs", "b is not signed by the client"]);
/// ```
pub fn explain_difference(client: &str, server: &str) -> Vec<Difference> {
    let (Some(ours), Some(theirs)) = (Parts::split(server), Parts::split(client)) else {
        return if client == server { Vec::new() } else { Vec::from([Difference::Shape]) };
    };
    let mut found = Vec::new();
    let mut compare = |part: Part, client: &str, server: &str| {
        if client != server {
            found.push(Difference::Url { part, client: client.into(), server: server.into() });
        }
    };
    compare(Part::Method, &theirs.method, &ours.method);
    compare(Part::Scheme, &theirs.scheme, &ours.scheme);
    compare(Part::Host, &theirs.host, &ours.host);
    compare(Part::Port, &theirs.port, &ours.port);
    compare(Part::Path, &theirs.path, &ours.path);
    compare_parameters(&theirs, &ours, &mut found);
    if found.is_empty() && client != server {
        found.push(Difference::Encoding);
    }
    found
}

/// One part that differs. It never holds a parameter's value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// One of the two is no base string: three parts, joined by ampersands, of which the second is a URL.
    Shape,
    /// The method or a part of the URL.
    Url {
        /// Which part.
        part: Part,
        /// What the client signed; empty if it left that out.
        client: String,
        /// What the server has.
        server: String,
    },
    /// A parameter, or one more of that name, which the client did not sign.
    Missing {
        /// Its name.
        name: String,
    },
    /// A parameter, or one more of that name, which the client signed and the server does not have.
    Extra {
        /// Its name.
        name: String,
    },
    /// A parameter whose value differs.
    Value {
        /// Its name.
        name: String,
    },
    /// The parameters are the same, in another order.
    Order,
    /// All means the same and is encoded differently.
    Encoding,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape => f.write_str("one of the two is no signature base string"),
            Self::Url { part, client, server } => {
                let shown = |text: &str| if text.is_empty() { String::from("none") } else { text.into() };
                write!(f, "{part}: client signed {}, server has {}", shown(client), shown(server))
            }
            Self::Missing { name } => write!(f, "{name} is not signed by the client"),
            Self::Extra { name } => write!(f, "{name} is signed by the client and not in the request"),
            Self::Value { name } => write!(f, "value of {name} differs"),
            Self::Order => f.write_str("parameters are in another order"),
            Self::Encoding => f.write_str("percent-encoding differs"),
        }
    }
}

/// A part of what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The method.
    Method,
    /// `http` or `https`.
    Scheme,
    /// The host's name or address.
    Host,
    /// The port, which is not signed if it is the scheme's default.
    Port,
    /// The path.
    Path,
    /// The query's parameters.
    Query,
    /// The body's parameters, or that they are none.
    Body,
    /// The protocol's own parameters.
    Protocol,
    /// How characters are encoded.
    Encoding,
    /// The order of the parameters.
    Order,
    /// The secrets, or how they make the key.
    Secrets,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Method => "method",
            Self::Scheme => "scheme",
            Self::Host => "host",
            Self::Port => "port",
            Self::Path => "path",
            Self::Query => "query",
            Self::Body => "body",
            Self::Protocol => "protocol parameters",
            Self::Encoding => "encoding",
            Self::Order => "order",
            Self::Secrets => "secrets",
        })
    }
}

struct Parts {
    method: String,
    scheme: String,
    host: String,
    port: String,
    path: String,
    /// Decoded, in their order.
    parameters: Vec<(String, String)>,
}

impl Parts {
    fn split(base_string: &str) -> Option<Self> {
        let mut parts = base_string.split('&');
        let (method, uri, parameters) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let uri = percent::decode(uri).ok()?;
        let (scheme, rest) = uri.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let colon = authority.rfind(':').filter(|colon| !authority[*colon..].contains(']'));
        let (host, port) = authority.split_at(colon.unwrap_or(authority.len()));
        let parameters = percent::decode(parameters).ok()?;
        Some(Self {
            method: method.into(),
            scheme: scheme.into(),
            host: host.into(),
            port: port.trim_start_matches(':').into(),
            path: path.into(),
            parameters: parameters
                .split('&')
                .filter(|pair| !pair.is_empty())
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decoded(name), decoded(value))
                })
                .collect(),
        })
    }
}

fn compare_parameters(client: &Parts, server: &Parts, found: &mut Vec<Difference>) {
    if client.parameters == server.parameters {
        return;
    }
    let (mut theirs, mut ours) = (client.parameters.clone(), server.parameters.clone());
    theirs.sort_unstable();
    ours.sort_unstable();
    if theirs == ours {
        found.push(Difference::Order);
        return;
    }
    // What is the same falls away; what is left of one name on both sides is a value that differs.
    let mut only_theirs = without(&theirs, &ours).into_iter().peekable();
    for name in without(&ours, &theirs) {
        while let Some(earlier) = only_theirs.next_if(|other| *other < name) {
            found.push(Difference::Extra { name: earlier.into() });
        }
        let name = name.to_string();
        found.push(match only_theirs.next_if(|other| *other == name) {
            Some(_) => Difference::Value { name },
            None => Difference::Missing { name },
        });
    }
    found.extend(only_theirs.map(|name| Difference::Extra { name: name.into() }));
}

/// The names of the pairs of one sorted list that the other does not have, sorted, each as often as it is left over.
fn without<'a>(pairs: &'a [(String, String)], others: &[(String, String)]) -> Vec<&'a str> {
    let mut others = others.iter().peekable();
    let mut left = Vec::new();
    for pair in pairs {
        while others.next_if(|other| *other < pair).is_some() {}
        if others.next_if(|other| *other == pair).is_none() {
            left.push(pair.0.as_str());
        }
    }
    left
}

/// The text, or as it is if it cannot be decoded.
fn decoded(text: &str) -> String {
    percent::decode(text).unwrap_or(Cow::Borrowed(text)).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SERVER: &str = "POST&https%3A%2F%2Fh%3A8080%2Fp&a%3D1%26a%3D2%26b%3Dx%2520y%26oauth_nonce%3Dn";

    fn check(client: &str, wanted: &[&str]) {
        let found: Vec<String> = explain_difference(client, SERVER).iter().map(ToString::to_string).collect();
        assert_eq!(found, wanted, "{client}");
    }

    #[test]
    fn names_the_part_and_no_value() {
        check(SERVER, &[]);
        check(&SERVER.replace("POST", "GET"), &["method: client signed GET, server has POST"]);
        check(&SERVER.replace("https", "http"), &["scheme: client signed http, server has https"]);
        check(&SERVER.replace("2Fh%", "2Fg%"), &["host: client signed g, server has h"]);
        check(&SERVER.replace("%3A8080", ""), &["port: client signed none, server has 8080"]);
        check(&SERVER.replace("%2Fp", "%2Fp%2F"), &["path: client signed /p/, server has /p"]);
        check(&SERVER.replace("a%3D2", "a%3D3"), &["value of a differs"]);
        check(&SERVER.replace("b%3Dx%2520y%26", ""), &["b is not signed by the client"]);
        check(&SERVER.replace("a%3D1%26a%3D2%26", "a%3D2%26"), &["a is not signed by the client"]);
        check(&SERVER.replace("b%3D", "a%3D2%26b%3D"), &["a is signed by the client and not in the request"]);
        check(
            &SERVER.replace("b%3D", "c%3D"),
            &["b is not signed by the client", "c is signed by the client and not in the request"],
        );
        check(&SERVER.replace("a%3D1%26a%3D2", "a%3D2%26a%3D1"), &["parameters are in another order"]);
        check(&SERVER.replace("oauth_nonce", "oauth%255Fnonce"), &["percent-encoding differs"]);
        check("nonsense", &["one of the two is no signature base string"]);
        check(&SERVER.replace("%26b", "&b"), &["one of the two is no signature base string"]);
    }

    #[test]
    fn an_ipv6_host_keeps_its_colons() {
        let base = |authority: &str| alloc::format!("GET&http%3A%2F%2F{authority}%2F&a%3D1");
        let found = explain_difference(&base("%5B%3A%3A1%5D"), &base("%5B%3A%3A1%5D%3A81"));
        assert_eq!(found.first().unwrap().to_string(), "port: client signed none, server has 81");
    }

    proptest! {
        #[test]
        fn finds_something_exactly_if_something_differs(
            client in "(GET&http%3A%2F%2Fh%2F&)?([ab%&=]|%3D|%26)*",
            server in "(GET&http%3A%2F%2Fh%2F&)?([ab%&=]|%3D|%26)*",
        ) {
            prop_assert_eq!(explain_difference(&client, &server).is_empty(), client == server);
        }
    }
}
