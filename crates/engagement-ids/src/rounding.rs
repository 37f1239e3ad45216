//! Whether a spreadsheet has rounded the ids of a list.

use std::{fmt, ops::AddAssign};

use engagement_model::TweetId;

/// How many ids look as if a spreadsheet had rounded them: nothing but zeros after the 15th digit.
///
/// Spreadsheets keep 15 digits of a number. One such id may be true; that many are not: chance makes one of 10 ids of
/// 16 digits so, one of 100 of 17, and one of 10,000 of 19.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rounding {
    /// Ids of 16, 17, 18 and 19 digits.
    long: [u64; 4],
    rounded: u64,
}

impl Rounding {
    /// Ids of 16 digits and more, those included that were there before.
    pub fn long(&self) -> u64 {
        self.long.iter().sum()
    }

    /// How many of them have nothing but zeros after the 15th digit.
    pub fn rounded(&self) -> u64 {
        self.rounded
    }

    /// Whether that is more than 3 and more than 20 times what chance would give.
    pub fn is_likely(&self) -> bool {
        // In ten-thousandths, to stay with whole numbers.
        let chance = self.long.iter().zip(CHANCE).map(|(ids, chance)| ids.saturating_mul(chance));
        let chance = chance.fold(0, u64::saturating_add).saturating_mul(20);
        self.rounded.saturating_mul(10_000) > chance.max(3 * 10_000)
    }

    /// Takes one more id into account.
    pub fn count(&mut self, id: TweetId) {
        let (class, unit) = match id.get() {
            0..1_000_000_000_000_000 => return,
            1_000_000_000_000_000..10_000_000_000_000_000 => (0, 10),
            10_000_000_000_000_000..100_000_000_000_000_000 => (1, 100),
            100_000_000_000_000_000..1_000_000_000_000_000_000 => (2, 1_000),
            _ => (3, 10_000),
        };
        if let Some(ids) = self.long.get_mut(class) {
            *ids += 1;
        }
        self.rounded += u64::from(id.get().is_multiple_of(unit));
    }
}

impl AddAssign for Rounding {
    fn add_assign(&mut self, other: Self) {
        for (ids, more) in self.long.iter_mut().zip(other.long) {
            *ids += more;
        }
        self.rounded += other.rounded;
    }
}

/// What a message says about it.
impl fmt::Display for Rounding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} ids of 16 digits and more have nothing but zeros after the 15th digit, as a spreadsheet leaves \
             them; the lost digits cannot be restored: take the list from its origin again, with the id column as text",
            self.rounded,
            self.long(),
        )
    }
}

/// How many of 10,000 ids of 16, 17, 18 and 19 digits end so by chance.
const CHANCE: [u64; 4] = [1_000, 100, 10, 1];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rounding(ids: impl IntoIterator<Item = u64>) -> Rounding {
        let mut rounding = Rounding::default();
        ids.into_iter().for_each(|id| rounding.count(TweetId::new(id).unwrap()));
        rounding
    }

    #[test]
    fn needs_more_than_three() {
        let rounded = |count: u64| (1..=count).map(|n| 1_500_000_000_000_000_000 + n * 10_000);
        assert!(!rounding(rounded(3)).is_likely());
        assert!(rounding(rounded(4)).is_likely());
        let honest = |count: u64| (1..=count).map(|n| 1_500_000_000_000_000_001 + n * 10_000);
        // 20 × 2,000 / 10,000 = 4.
        assert!(!rounding(rounded(4).chain(honest(1_996))).is_likely());
        assert!(rounding(rounded(4).chain(honest(1_995))).is_likely());
    }

    #[test]
    fn weighs_each_length_by_its_chance() {
        // All of 16 digits can be rounded: chance times 20 is more than there are.
        assert!(!rounding((1..=1_000).map(|n| 1_000_000_000_000_000 + n * 10)).is_likely());
        assert!(rounding((1..=1_000).map(|n| 10_000_000_000_000_000 + n * 100)).is_likely());
        assert!(!rounding((0..100).map(|n| 20_000_000_000_000_001 + n)).is_likely());
        assert_eq!(rounding([999_999_999_999_990, 15, 1]), Rounding::default());
    }

    #[test]
    fn has_the_edges_of_each_length() {
        for (digits, class) in (16..=19).zip(0..) {
            let (low, high) =
                (10_u64.pow(digits - 1), 10_u64.pow(digits - 1) - 1 + 9 * 10_u64.pow(digits - 1));
            let high = high.min(i64::MAX.unsigned_abs());
            let found = rounding([low, high]);
            assert_eq!((found.long[class], found.rounded), (2, 1), "{digits} digits");
        }
    }

    /// Ids of the years 2011 to 2025, as the service makes them: milliseconds above, 22 bits of anything below.
    #[test]
    fn does_not_suspect_honest_lists() {
        let mut state = 1_u64;
        let mut roll = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 11
        };
        for (lists, length) in [(10_000, 50), (100, 10_000)] {
            for list in 0..lists {
                let oldest = 2_000_000_000 + roll() % 300_000_000_000;
                let found = rounding((0..length).map(|_| {
                    let time = oldest + roll() % 150_000_000_000;
                    (time << 22) | (roll() & 0x3f_ffff)
                }));
                assert!(!found.is_likely(), "list {list} of {length}: {found:?}");
            }
        }
    }

    /// The same lists, each rounded as a spreadsheet does.
    #[test]
    fn suspects_rounded_lists() {
        for length in [4, 50, 1_000] {
            let found =
                rounding((0..length).map(|n| (1_600_000_000_000_000_123 + n * 7_919_777) / 10_000 * 10_000));
            assert_eq!((found.rounded(), found.is_likely()), (length, true));
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_rule_as_written(ids in prop::collection::vec((1..=i64::MAX, 0_u32..19, any::<bool>()), 0..60)) {
            let ids: Vec<u64> = ids
                .into_iter()
                .map(|(id, shift, round)| {
                    let id = (id.unsigned_abs() / 10_u64.pow(shift)).max(1);
                    let unit = 10_u64.pow(id.to_string().len().saturating_sub(15).try_into().unwrap());
                    if round { id / unit * unit } else { id }
                })
                .collect();
            let texts = ids.iter().map(ToString::to_string).filter(|text| text.len() >= 16).collect::<Vec<_>>();
            let rounded = texts.iter().filter(|text| text[15..].bytes().all(|digit| digit == b'0')).count();
            let chance = texts.iter().map(|text| 0.1_f64.powi(i32::try_from(text.len() - 15).unwrap())).sum::<f64>();
            // Beside the edge, where floats could be of another opinion.
            let limit = f64::max(3.0, 20.0 * chance);
            let rounded = f64::from(u32::try_from(rounded).unwrap());
            prop_assume!((rounded - limit).abs() > 1e-6 || rounded == 3.0);
            prop_assert_eq!(rounding(ids).is_likely(), rounded > limit);
        }
    }
}
