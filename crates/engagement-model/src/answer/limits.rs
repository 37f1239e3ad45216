//! How much of an answer is read.

/// What an answer may cost. Beyond any of these it is refused, so that a hostile or broken server cannot exhaust
/// memory or stack.
///
/// The defaults are ours: the largest honest answer (25 Tweets × 672 hours × 20 metrics) has about 5 MiB, 336,000
/// values and six levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the body, after inflating.
    pub body_bytes: usize,
    /// Objects and lists inside each other.
    pub depth: usize,
    /// Members of one object or list.
    pub width: usize,
    /// Bytes of one string, as written.
    pub string_bytes: usize,
    /// Bytes of one number.
    pub number_bytes: usize,
    /// Rows with a value.
    pub rows: usize,
    /// Warnings that are kept; the others are counted.
    pub warnings: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 32 << 20,
            depth: 32,
            width: 10_000,
            string_bytes: 64 << 10,
            number_bytes: 64,
            rows: 1_000_000,
            warnings: 100,
        }
    }
}
