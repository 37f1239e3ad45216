//! The mistakes that clients make.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{
    Elsewhere, MAX_EXPLAINED_BYTES, Verdict,
    draft::{Draft, Order, Pair, Source, decode_bytes, encode, form_pairs, scheme_name},
};
use crate::{
    authorization::Authorization,
    difference::Part,
    percent,
    request::is_form,
    secret::Secret,
    url::{Scheme, Target},
    verifier::Received,
};

/// The mistakes, those of the most frequent kinds first. Each is tried as it is added, until one is found.
pub(super) struct Guesses<'a> {
    pub(super) right: &'a Draft,
    pub(super) signature: &'a str,
    pub(super) found: Option<Verdict>,
}

impl Guesses<'_> {
    fn add(&mut self, part: Part, sentence: impl Into<String>, change: impl FnOnce(&mut Draft)) {
        if self.found.is_some() {
            return;
        }
        let mut draft = self.right.clone();
        change(&mut draft);
        if draft.signs(self.signature) {
            self.found = Some(Verdict::mistake(part, sentence));
        }
    }

    pub(super) fn secrets(&mut self) {
        self.add(Part::Secrets, "the token secret was left out of the key", |draft| {
            draft.token_secret = None;
        });
        self.add(Part::Secrets, "the secrets were not percent-encoded in the key", |draft| {
            draft.key = |consumer, token| format!("{consumer}&{}", token.unwrap_or_default());
        });
        self.add(Part::Secrets, "the key had no ampersand behind the consumer secret", |draft| {
            draft.key = |consumer, token| {
                format!("{}{}", percent::encode(consumer), percent::encode(token.unwrap_or_default()))
            };
        });
        self.add(Part::Secrets, "the key was the token secret alone", |draft| {
            draft.key = |_, token| percent::encode(token.unwrap_or_default()).to_string();
        });
        self.add(Part::Secrets, "the consumer secret was left out of the key", |draft| {
            draft.key = |_, token| format!("&{}", percent::encode(token.unwrap_or_default()));
        });
        self.add(Part::Secrets, "the two secrets were exchanged in the key", |draft| {
            draft.key = |consumer, token| {
                format!("{}&{}", percent::encode(token.unwrap_or_default()), percent::encode(consumer))
            };
        });
        let ends = [("a line feed", "\n"), ("a carriage return and a line feed", "\r\n"), ("a blank", " ")];
        for (what, end) in ends {
            self.add(Part::Secrets, format!("the consumer secret had {what} at its end"), |draft| {
                draft.consumer_secret = Secret::from(format!("{}{end}", draft.consumer_secret.expose()));
            });
            self.add(Part::Secrets, format!("the token secret had {what} at its end"), |draft| {
                draft.token_secret = draft
                    .token_secret
                    .as_ref()
                    .map(|secret| Secret::from(format!("{}{end}", secret.expose())));
            });
        }
    }

    pub(super) fn urls(&mut self, received: &Received<'_>, elsewhere: &Elsewhere<'_>) {
        let other = if self.right.scheme == "https" { Scheme::Http } else { Scheme::Https };
        let name = scheme_name(other);
        self.add(Part::Scheme, format!("{name} was signed"), |draft| draft.scheme = name.into());
        self.add(Part::Scheme, format!("{name} was signed, with this scheme's default port"), |draft| {
            let default = if other == Scheme::Http { Scheme::Https } else { Scheme::Http }.default_port();
            draft.scheme = name.into();
            draft.port = Some(draft.port.unwrap_or(default));
        });
        self.add(Part::Scheme, format!("{name} was signed, without the port"), |draft| {
            draft.scheme = name.into();
            draft.port = None;
        });
        self.add(Part::Port, "the port was not signed though it is not the scheme's default", |draft| {
            draft.port = None;
        });
        let default = if other == Scheme::Http { Scheme::Https } else { Scheme::Http }.default_port();
        let difference = match self.right.port {
            None => format!("port {default} was signed though it is the scheme's default"),
            Some(port) => format!("port {default} was signed, and port {port} is called"),
        };
        self.add(Part::Port, difference, |draft| {
            draft.port = Some(default);
        });
        for origin in elsewhere.origins {
            let Ok(target) = Target::received(origin) else { continue };
            self.add(Part::Host, format!("{origin} was signed"), |draft| {
                draft.scheme = scheme_name(target.scheme).into();
                draft.host = target.host.to_ascii_lowercase();
                draft.port = target.port;
                draft.path = format!("{}{}", target.path.trim_end_matches('/'), draft.path);
            });
        }
        if let Ok(target) = Target::received(received.url) {
            self.add(Part::Host, "the host was signed with its capitals", |draft| {
                draft.host = target.host.into();
            });
            self.add(Part::Path, "no path was signed where it has to be /", |draft| {
                draft.path = target.path.into();
            });
            if !target.query.is_empty() {
                let query = format!("?{}", target.query);
                self.add(Part::Query, "the query was signed as part of the URL", |draft| {
                    draft.suffix.clone_from(&query);
                    draft.pairs.retain(|pair| pair.source != Source::Query);
                });
                self.add(Part::Query, "the query was signed twice, once as part of the URL", |draft| {
                    draft.suffix = query;
                });
            }
        }
        for path in elsewhere.paths {
            self.add(Part::Path, format!("{path} was signed"), |draft| draft.path = (*path).into());
        }
        self.add(Part::Path, "a slash was signed at the path's end", |draft| draft.path.push('/'));
        self.add(Part::Path, "the slash at the path's end was not signed", |draft| {
            draft.path = draft.path.trim_end_matches('/').into();
        });
        self.add(Part::Path, "the path was signed decoded", |draft| {
            draft.path =
                percent::decode(&draft.path).map_or_else(|_| draft.path.clone(), |path| path.into_owned());
        });
        self.add(Part::Path, "the path was encoded once too often", |draft| {
            let pieces: Vec<String> = draft.path.split('/').map(|piece| encode(piece.as_bytes())).collect();
            draft.path = pieces.join("/");
        });
        self.add(Part::Path, "the path was signed in small letters", |draft| {
            draft.path.make_ascii_lowercase();
        });
        self.add(Part::Method, "the method was not signed in upper case", |draft| {
            draft.method = received.method.into();
        });
        self.add(Part::Method, "the method was signed in lower case", |draft| {
            draft.method.make_ascii_lowercase();
        });
        for method in ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"] {
            self.add(Part::Method, format!("{method} was signed"), |draft| draft.method = method.into());
        }
    }

    pub(super) fn parameters(&mut self, received: &Received<'_>) {
        self.add(Part::Query, "the query was not signed", |draft| {
            draft.pairs.retain(|pair| pair.source != Source::Query);
        });
        self.add(Part::Body, "the form body was not signed", |draft| {
            draft.pairs.retain(|pair| pair.source != Source::Body);
        });
        self.add(Part::Protocol, "the protocol parameters alone were signed", |draft| {
            draft.pairs.retain(|pair| pair.name.starts_with(b"oauth_"));
        });
        if !received.content_type.is_some_and(is_form) && received.body.len() <= MAX_EXPLAINED_BYTES {
            let body = form_pairs(Source::Body, received.body);
            self.add(
                Part::Body,
                "the body was signed as a form, and its Content-Type is not a form's",
                |draft| {
                    draft.pairs.extend(body);
                },
            );
            self.add(Part::Body, "the whole body was signed as a parameter's name", |draft| {
                draft.pairs.push(Pair::raw(Source::Body, received.body, b""));
            });
            self.add(Part::Body, "the whole body was signed as a parameter's value", |draft| {
                draft.pairs.push(Pair::raw(Source::Body, b"", received.body));
            });
        }
        let own: Vec<String> = self
            .right
            .pairs
            .iter()
            .filter(|pair| pair.name.starts_with(b"oauth_"))
            .map(|pair| String::from_utf8_lossy(&pair.name).into_owned())
            .collect();
        for name in &own {
            self.add(Part::Protocol, format!("{name} was sent and not signed"), |draft| {
                draft.pairs.retain(|pair| pair.name != name.as_bytes());
            });
        }
        for (name, value) in [("oauth_version", "1.0"), ("oauth_token", ""), ("oauth_callback", "oob")] {
            if !own.iter().any(|other| other == name) {
                self.add(Part::Protocol, format!("{name} was signed and not sent"), |draft| {
                    draft.pairs.push(Pair::decoded(Source::Header, name, value));
                });
            }
        }
        let header = received.authorization.first().and_then(|value| Authorization::parse(value).ok());
        if let Some(realm) = header.as_ref().and_then(Authorization::realm) {
            self.add(Part::Protocol, "the realm was signed", |draft| {
                draft.pairs.push(Pair::decoded(Source::Header, "realm", realm));
            });
        }
        self.add(Part::Order, "the parameters were not sorted, the header's first", |draft| {
            draft.order = Order::AsSent;
        });
        self.add(Part::Order, "the parameters were not sorted, the header's last", |draft| {
            draft.order = Order::HeaderLast;
        });
        self.add(Part::Order, "parameters of the same name were not sorted by value", |draft| {
            draft.order = Order::ByNameAlone;
        });
        self.add(Part::Order, "the parameters were sorted with name and value as one text", |draft| {
            draft.order = Order::Joined;
        });
        self.add(Part::Order, "the parameters were sorted before they were encoded", |draft| {
            draft.order = Order::Decoded;
        });
    }

    pub(super) fn encodings(&mut self) {
        self.add(
            Part::Encoding,
            "values were signed as they travel, and so encoded once too often",
            |draft| {
                for pair in draft.pairs.iter_mut().filter(|pair| pair.source != Source::Header) {
                    (pair.name, pair.value) = pair.raw.clone();
                }
            },
        );
        self.add(Part::Encoding, "the header's values were encoded once too often", |draft| {
            for pair in draft.pairs.iter_mut().filter(|pair| pair.source == Source::Header) {
                (pair.name, pair.value) = pair.raw.clone();
            }
        });
        self.add(
            Part::Encoding,
            "a plus sign of query or form was signed as one, and means a blank",
            |draft| {
                for pair in draft.pairs.iter_mut().filter(|pair| pair.source != Source::Header) {
                    let plus = |raw: &[u8]| decode_bytes(raw, b'+');
                    (pair.name, pair.value) = (plus(&pair.raw.0), plus(&pair.raw.1));
                }
            },
        );
        self.add(Part::Encoding, "blanks were signed as plus signs and not as %20", |draft| {
            draft.encode = |bytes| encode(bytes).replace("%20", "+");
        });
        self.add(Part::Encoding, "~ was encoded, and must not be", |draft| {
            draft.encode = |bytes| encode(bytes).replace('~', "%7E");
        });
        self.add(Part::Encoding, "blanks were signed as plus signs, ~ was encoded and * was not", |draft| {
            draft.encode = |bytes| encode(bytes).replace("%20", "+").replace('~', "%7E").replace("%2A", "*");
        });
        self.add(Part::Encoding, "!*'() were not encoded, and must be", |draft| {
            draft.encode = |bytes| bare(encode(bytes), "!*'()");
        });
        self.add(Part::Encoding, "/ was not encoded, and must be", |draft| {
            draft.encode = |bytes| bare(encode(bytes), "/");
        });
        self.add(Part::Encoding, "/ of the header's parameters was not encoded twice", |draft| {
            draft.encode_again = |bytes| bare(encode(bytes), "/");
        });
        self.add(Part::Encoding, "hex digits were signed in lower case", |draft| {
            draft.encode = lower_hex;
            draft.encode_again = lower_hex;
        });
        self.add(Part::Encoding, "hex digits of the values were signed in lower case", |draft| {
            draft.encode = lower_hex;
        });
        self.add(Part::Encoding, "names and values were not encoded before they were joined", |draft| {
            draft.encode = |bytes| String::from_utf8_lossy(bytes).into_owned();
        });
        self.add(Part::Encoding, "the parameter string was not encoded in the base string", |draft| {
            draft.encode_again = |bytes| String::from_utf8_lossy(bytes).into_owned();
        });
        self.add(Part::Encoding, "what is not ASCII was signed in Latin-1 and not in UTF-8", |draft| {
            draft.encode = |bytes| match latin_1(bytes) {
                Some(bytes) => encode(&bytes),
                None => encode(bytes),
            };
        });
    }
}

fn lower_hex(bytes: &[u8]) -> String {
    let mut digits = 0;
    encode(bytes)
        .chars()
        .map(|character| {
            let is_digit = digits > 0;
            digits = if character == '%' { 2 } else { digits - i32::from(is_digit) };
            if is_digit { character.to_ascii_lowercase() } else { character }
        })
        .collect()
}

/// Undoes the encoding of these signs.
fn bare(encoded: String, signs: &str) -> String {
    let mut buffer = [0; 4];
    signs.chars().fold(encoded, |text, sign| {
        let sign = &*sign.encode_utf8(&mut buffer);
        text.replace(&percent::encode(sign).to_string(), sign)
    })
}

fn latin_1(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = core::str::from_utf8(bytes).ok()?;
    text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect()
}
