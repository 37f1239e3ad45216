//! `~/.twitter_api_creds`, contract §6.6.

use serde::Deserialize;

use super::{Import, ImportError, yaml};
use crate::entry::{EntryError, Named};

/// Reads it.
pub(super) fn read(text: &str) -> Result<Import, ImportError> {
    let file: File = yaml(text)?;
    let Some(engagement) = file.engagement else { return Ok(Import::default()) };
    let has_url = engagement.url.is_some();
    let named = Named {
        consumer_key: engagement.consumer_key,
        consumer_secret: engagement.consumer_secret,
        access_token: engagement.token,
        access_token_secret: engagement.token_secret,
        ..Named::default()
    };
    let mut import = named.entry().map(Import::from).map_err(ImportError::Entry)?;
    if import.apps.iter().any(|app| app.consumer.is_none()) {
        let missing = EntryError::Missing { name: "consumer_key", beside: "token" };
        return Err(ImportError::Entry(missing));
    }
    if has_url {
        import.notes.push("its url is not taken over: where the API is, is a setting".to_owned());
    }
    Ok(import)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    engagement: Option<Engagement>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Engagement {
    consumer_key: Option<crate::entry::Hidden>,
    consumer_secret: Option<crate::entry::Hidden>,
    token: Option<crate::entry::Hidden>,
    token_secret: Option<crate::entry::Hidden>,
    url: Option<String>,
}
