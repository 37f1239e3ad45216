//! OAuth 1.0a (RFC 5849) signing and verification, and Twitter's app-only messages, as values: no I/O, no clock.
