//! Support for the suites that cross the crates.
