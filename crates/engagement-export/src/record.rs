//! What can be written as text.

use std::fmt;

use serde::{Serialize, Serializer};

/// A line of output, whose fields serialise under the names of its columns and in their order.
pub trait Record: Serialize {
    /// The names.
    const COLUMNS: &'static [&'static str];
}

/// As text, whatever it is: ids above 2⁵³ do not survive a JSON number in many tools.
pub(crate) fn as_text<T: fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
