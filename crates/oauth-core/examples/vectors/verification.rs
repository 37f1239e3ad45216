//! Files of the schema `oauth1-verify/1`.

use oauth_core::{NonceMemory, NonceRecord, Policy, Received, Registry, Remembered, Secret, verify};
use serde_json::Value;

use super::report::{Report, list, optional_text, pair, same, text};

pub(crate) fn run(report: &mut Report, file: &Value) {
    let cases = file["cases"].as_array().map(Vec::as_slice).unwrap_or_default();
    let server = &file["server"];
    for case in cases {
        report.check(case["id"].as_str().unwrap_or("case without id"), || check_case(case, server));
    }
}

fn check_case(case: &Value, server: &Value) -> Result<(), String> {
    let window_seconds =
        server["window_seconds"].as_u64().ok_or("window_seconds is not a number in the file")?;
    let policy = Policy { window_seconds, ..Policy::default() };
    let mut registry = File { server, nonces: NonceMemory::new(1000) };
    for (index, step) in list(case, "steps")?.iter().enumerate() {
        check_step(step, &mut registry, &policy).map_err(|failure| format!("step {index}: {failure}"))?;
    }
    Ok(())
}

fn check_step(step: &Value, registry: &mut File<'_>, policy: &Policy) -> Result<(), String> {
    let request = &step["request"];
    let (mut authorization, mut content_type) = (Vec::new(), None);
    for header in list(request, "headers")? {
        let (name, value) = pair(header)?;
        match name.to_ascii_lowercase().as_str() {
            "authorization" => authorization.push(value),
            "content-type" => content_type = Some(value),
            _ => {}
        }
    }
    let received = Received {
        method: text(request, "method")?,
        url: text(request, "url")?,
        authorization: &authorization,
        content_type,
        body: optional_text(request, "body")?.unwrap_or_default().as_bytes(),
    };
    let now = step["now"].as_u64().ok_or("now is not a number in the file")?;
    let expect = &step["expect"];
    let accept = expect["accept"].as_bool().ok_or("accept is not true or false in the file")?;
    match verify(&received, registry, now, policy) {
        Ok(_) if accept => same("status", Some(200), expect["status"].as_u64()),
        Ok(_) => Err(format!("is accepted, and should be refused: {}", expect["reason"])),
        Err(refusal) if accept => Err(format!("is refused, and should be accepted: {refusal}")),
        Err(refusal) => {
            let reason = refusal.reason().as_str();
            if expect["reason"] == reason {
                return same("status", Some(u64::from(refusal.status())), expect["status"].as_u64());
            }
            if list(expect, "also_ok")?.iter().any(|other| other == reason) {
                return Ok(());
            }
            Err(format!("reason is {reason} and should be {}", expect["reason"]))
        }
    }
}

/// The server that the file describes.
struct File<'a> {
    server: &'a Value,
    nonces: NonceMemory,
}

impl Registry for File<'_> {
    fn consumer_secret(&self, consumer_key: &str) -> Option<Secret> {
        self.server["consumers"].get(consumer_key)?.as_str().map(Secret::from)
    }

    fn token_secret(&self, consumer_key: &str, token: &str) -> Option<Secret> {
        let token = self.server["tokens"].get(token)?;
        (token["consumer"] == consumer_key).then(|| token["secret"].as_str().map(Secret::from))?
    }

    fn remember(&mut self, seen: NonceRecord<'_>) -> Remembered {
        self.nonces.remember(seen)
    }
}
