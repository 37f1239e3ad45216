//! What the header's reader takes, it writes so that it reads the same again.

use oauth_core::{Authorization, InvalidAuthorization};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let header = match Authorization::parse(text) {
        Ok(header) => header,
        Err(error) => return check_error(text, &error),
    };

    let mut names: Vec<&str> =
        header.iter().map(|(name, _)| name).filter(|name| name.starts_with("oauth_")).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "a protocol parameter twice");
    assert!(header.iter().all(|(name, _)| name != "realm"), "the realm among the parameters");

    let written = header.to_header_value();
    let again = Authorization::parse(&written).expect("what was written can be read");
    assert_eq!(again.realm(), header.realm());
    assert!(again.iter().eq(header.iter()));
    assert_eq!(again.to_header_value(), written);
}

/// An error points into the text.
fn check_error(text: &str, error: &InvalidAuthorization) {
    let at = match error {
        InvalidAuthorization::OtherScheme => 0,
        InvalidAuthorization::Name { at }
        | InvalidAuthorization::Quote { at }
        | InvalidAuthorization::Unterminated { at }
        | InvalidAuthorization::Value { at }
        | InvalidAuthorization::Comma { at }
        | InvalidAuthorization::LineBreak { at }
        | InvalidAuthorization::Percent { at, .. }
        | InvalidAuthorization::Duplicate { at, .. } => *at,
        // None of them is older than this target.
        _ => usize::MAX,
    };
    assert!(at <= text.len(), "{error}");
}
