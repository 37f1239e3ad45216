//! What the crate promises as a whole.

mod vectors;
