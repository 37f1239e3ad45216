//! Answers that say no.

use http::StatusCode;
use serde_json::{Value, json};

use crate::switches::ErrorBody;

/// A refusal of the three endpoints: a status, messages, and lists of the Tweets concerned (contract §5.1, §5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) messages: Vec<String>,
    pub(crate) lists: Vec<(&'static str, Vec<String>)>,
}

impl Refusal {
    /// With one message.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, messages: vec![message.into()], lists: Vec::new() }
    }

    /// 400, naming the rule that was broken. The real texts are not known, but for a few (contract §2.1).
    pub(crate) fn rule(number: &str, message: impl AsRef<str>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, format!("{} ({number})", message.as_ref()))
    }

    /// The body, in the form that a switch asks for.
    pub(crate) fn body(&self, form: ErrorBody) -> Vec<u8> {
        let body = match form {
            ErrorBody::Empty => return Vec::new(),
            ErrorBody::Array => json!(self.messages),
            ErrorBody::Object => {
                let mut body = serde_json::Map::new();
                body.insert("errors".to_owned(), json!(self.messages));
                for (key, ids) in &self.lists {
                    body.insert((*key).to_owned(), json!(ids));
                }
                Value::Object(body)
            }
        };
        body.to_string().into_bytes()
    }
}

/// An error of the host of the OAuth endpoints (contract §6.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: u16,
    pub(crate) message: &'static str,
    /// What exactly was wrong; the real host does not say.
    pub(crate) detail: Option<String>,
}

impl ApiError {
    /// Of a code, with the status and the text that belong to it.
    pub(crate) fn new(code: u16, detail: Option<String>) -> Self {
        let (status, message) = match code {
            32 => (StatusCode::UNAUTHORIZED, "Could not authenticate you"),
            34 => (StatusCode::NOT_FOUND, "Sorry, that page does not exist"),
            88 => (StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded"),
            89 => (StatusCode::UNAUTHORIZED, "Invalid or expired token"),
            99 => (StatusCode::FORBIDDEN, "Unable to verify your credentials"),
            135 => (StatusCode::UNAUTHORIZED, "Timestamp out of bounds"),
            215 => (StatusCode::BAD_REQUEST, "Bad Authentication data"),
            220 => (StatusCode::FORBIDDEN, "Your credentials do not allow access to this resource"),
            415 => (StatusCode::FORBIDDEN, "Callback URL not approved for this client application"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "Internal error"),
        };
        Self { status, code, message, detail }
    }

    /// As JSON.
    pub(crate) fn body(&self) -> Vec<u8> {
        let mut error = json!({"code": self.code, "message": self.message});
        if self.code == 99 {
            error["label"] = json!("authenticity_token_error");
        }
        if let Some(detail) = &self.detail {
            error["detail"] = json!(detail);
        }
        json!({"errors": [error]}).to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_takes_the_forms_of_5_1() {
        let refusal = Refusal {
            lists: vec![("unavailable_tweet_ids", vec!["1".to_owned()])],
            ..Refusal::new(StatusCode::BAD_REQUEST, "1 Tweet ID(s) are unavailable")
        };
        let text = |form| String::from_utf8(refusal.body(form)).unwrap();
        assert_eq!(
            text(ErrorBody::Object),
            r#"{"errors":["1 Tweet ID(s) are unavailable"],"unavailable_tweet_ids":["1"]}"#
        );
        assert_eq!(text(ErrorBody::Array), r#"["1 Tweet ID(s) are unavailable"]"#);
        assert_eq!(text(ErrorBody::Empty), "");
    }

    #[test]
    fn an_api_error_has_code_and_message() {
        let text = |code| String::from_utf8(ApiError::new(code, None).body()).unwrap();
        assert_eq!(text(89), r#"{"errors":[{"code":89,"message":"Invalid or expired token"}]}"#);
        assert!(text(99).contains(r#""label":"authenticity_token_error""#));
        assert_eq!(ApiError::new(34, None).status, 404);
    }
}
