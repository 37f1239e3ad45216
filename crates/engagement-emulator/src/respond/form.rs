//! Names and values of queries and form bodies.

use std::collections::HashMap;

/// Decoded pairs. A name that stands twice is refused, since readers differ on which one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Form(HashMap<String, String>);

impl Form {
    /// Reads `a=b&c=d`.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut pairs = HashMap::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode =
                |text| oauth_core::percent::decode_form(text).map_err(|error| format!("{name}: {error}"));
            let (name, value) = (decode(name)?.into_owned(), decode(value)?.into_owned());
            if pairs.contains_key(&name) {
                return Err(format!("{name} stands twice"));
            }
            pairs.insert(name, value);
        }
        Ok(Self(pairs))
    }

    /// The value of a name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A name that is not one of these.
    pub(super) fn stranger(&self, known: &[&str]) -> Option<&str> {
        self.0.keys().map(String::as_str).find(|name| !known.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_and_refuses_twins() {
        let form = Form::read("a=1+2%263&&b").unwrap();
        assert_eq!((form.get("a"), form.get("b"), form.get("c")), (Some("1 2&3"), Some(""), None));
        assert_eq!(form.stranger(&["a"]), Some("b"));
        assert_eq!(Form::read("a=1&%61=2").unwrap_err(), "a stands twice");
        assert!(Form::read("a=%zz").is_err());
    }
}
