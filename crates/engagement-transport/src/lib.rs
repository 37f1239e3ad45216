//! One signed HTTP request, well ended: pool, TLS, gzip, limits, retries and pacing. Knows no API.
