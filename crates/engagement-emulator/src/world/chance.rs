//! Numbers that look random and never change.

/// A number that depends on every part, and looks random beside that of any other parts.
///
/// Rounds of SplitMix64's finaliser: bijective on each part, cheap, and the same on every machine. No defence against
/// somebody who looks for collisions; the data is made up anyway.
pub(crate) fn hash<const N: usize>(parts: [u64; N]) -> u64 {
    parts.into_iter().fold(0x6a09_e667_f3bc_c908, |state, part| mix(state ^ part))
}

/// One round.
pub(crate) const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// A text as a part for [`hash`] (FNV-1a).
pub(crate) const fn text(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let (mut number, mut at) = (0xcbf2_9ce4_8422_2325, 0);
    while at < bytes.len() {
        number = (number ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    number
}

/// One of `low..=high`, by the upper bits of a hash.
pub(crate) const fn between(hash: u64, low: u64, high: u64) -> u64 {
    low + (hash >> 32) % (high - low + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_changes() {
        // The figures of every world depend on these: a change here is a change of all published examples.
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(text("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(hash([1, 2, 3]), hash([1, 2, 3]));
        assert_ne!(hash([1, 2]), hash([2, 1]));
    }

    #[test]
    fn between_reaches_both_ends() {
        let seen: std::collections::BTreeSet<_> = (0..200).map(|n| between(mix(n), 3, 5)).collect();
        assert_eq!(Vec::from_iter(seen), [3, 4, 5]);
    }
}
