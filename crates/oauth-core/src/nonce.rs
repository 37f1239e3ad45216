//! Texts that were never used before (RFC 5849 §3.3).

use core::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use rand::{
    Rng, SeedableRng,
    rngs::{StdRng, SysError, SysRng},
};
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

/// 128 unpredictable bits as 32 hex digits, kept in place.
///
/// ```
/// use oauth_core::NonceSource;
///
/// let mut source = NonceSource::new()?;
/// let (one, two) = (source.next(), source.next());
/// assert_ne!(one.as_str(), two.as_str());
/// # Ok::<(), oauth_core::NoEntropy>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Nonce([u8; LENGTH]);

impl Nonce {
    /// The text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).expect("hex digits are ASCII")
    }

    fn from_bytes(bytes: [u8; BYTES]) -> Self {
        let mut text = [0; LENGTH];
        let (places, _) = text.as_chunks_mut();
        for (place, byte) in places.iter_mut().zip(bytes) {
            *place = HEX_PAIRS[usize::from(byte)];
        }
        Self(text)
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonce({})", self.as_str())
    }
}

/// Makes nonces from a cryptographic generator that the operating system's random source seeds once.
///
/// After `fork`, parent and child would make the same ones: the child must make its own source.
pub struct NonceSource(StdRng);

impl NonceSource {
    /// A source seeded by the operating system.
    ///
    /// # Errors
    ///
    /// If the operating system has no randomness to give.
    pub fn new() -> Result<Self, NoEntropy> {
        StdRng::try_from_rng(&mut SysRng).map(Self).map_err(NoEntropy)
    }

    /// A source that makes the same nonces for the same seed, for tests. The sequence may change between versions.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(StdRng::from_seed(seed))
    }

    /// A new nonce.
    #[expect(clippy::should_implement_trait, reason = "an iterator could end, and this does not")]
    pub fn next(&mut self) -> Nonce {
        let mut bytes = [0; BYTES];
        let (halves, _) = bytes.as_chunks_mut();
        for half in halves {
            *half = self.0.next_u64().to_le_bytes();
        }
        Nonce::from_bytes(bytes)
    }
}

impl fmt::Debug for NonceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceSource")
    }
}

/// Makes nonces for many threads at a high rate: a counter, hashed with a secret key.
///
/// It needs no lock and no exclusive access, and makes each nonce with one compression of SHA-1. Who has seen any number
/// of its nonces cannot tell the next, for lack of the key; within 2⁶⁴ of them no input to the hash comes twice.
pub struct NonceCounter {
    key: Zeroizing<[u8; 32]>,
    count: AtomicU64,
}

impl NonceCounter {
    /// A counter whose key the operating system gives.
    ///
    /// # Errors
    ///
    /// If the operating system has no randomness to give.
    pub fn new() -> Result<Self, NoEntropy> {
        let mut source = NonceSource::new()?;
        let mut key = Zeroizing::new([0; 32]);
        source.0.fill_bytes(&mut *key);
        Ok(Self { key, count: AtomicU64::new(0) })
    }

    /// A counter that makes the same nonces for the same seed, for tests. The sequence may change between versions.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { key: Zeroizing::new(seed), count: AtomicU64::new(0) }
    }

    /// A new nonce.
    pub fn next(&self) -> Nonce {
        // Each caller gets its own number, in whatever order.
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let digest =
            Sha1::new().chain_update(self.key.as_slice()).chain_update(number.to_be_bytes()).finalize();
        Nonce::from_bytes(*digest.first_chunk().expect("SHA-1 gives 20 bytes"))
    }
}

impl fmt::Debug for NonceCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceCounter")
    }
}

/// The operating system has no randomness to give.
#[derive(Clone, Copy, Debug)]
pub struct NoEntropy(SysError);

impl fmt::Display for NoEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the operating system gave no random bytes")
    }
}

impl core::error::Error for NoEntropy {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.0)
    }
}

const BYTES: usize = 16;
const LENGTH: usize = 32;

/// The two digits of each byte.
const HEX_PAIRS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < pairs.len() {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use std::thread;

    use super::*;

    #[test]
    fn has_only_hex_digits() {
        let nonce = NonceSource::from_seed([7; 32]).next();
        assert_eq!(nonce.as_str().len(), LENGTH);
        assert!(nonce.as_str().bytes().all(|byte| byte.is_ascii_hexdigit()));
        let bytes = [0, 1, 0x10, 0x2F, 0xA9, 0xFF, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        assert_eq!(Nonce::from_bytes(bytes).as_str(), "0001102fa9ff060708090a0b0c0d0e0f");
    }

    #[test]
    fn does_not_repeat() {
        let mut source = NonceSource::new().unwrap();
        let counter = NonceCounter::new().unwrap();
        let mut seen = BTreeSet::new();
        for _ in 0..50_000 {
            assert!(seen.insert(source.next().0));
            assert!(seen.insert(counter.next().0));
        }
    }

    #[test]
    fn sources_differ_unless_seeded_alike() {
        assert_ne!(NonceSource::new().unwrap().next(), NonceSource::new().unwrap().next());
        assert_ne!(NonceCounter::new().unwrap().next(), NonceCounter::new().unwrap().next());
        assert_eq!(NonceSource::from_seed([1; 32]).next(), NonceSource::from_seed([1; 32]).next());
        assert_eq!(NonceCounter::from_seed([1; 32]).next(), NonceCounter::from_seed([1; 32]).next());
        assert_ne!(NonceCounter::from_seed([1; 32]).next(), NonceCounter::from_seed([2; 32]).next());
    }

    #[test]
    fn threads_share_a_counter() {
        let counter = NonceCounter::new().unwrap();
        let mut seen = BTreeSet::new();
        thread::scope(|scope| {
            let workers = [(); 4].map(|()| {
                scope.spawn(|| (0..5_000).map(|_| counter.next().0).collect::<alloc::vec::Vec<_>>())
            });
            for worker in workers {
                for nonce in worker.join().unwrap() {
                    assert!(seen.insert(nonce));
                }
            }
        });
        assert_eq!(seen.len(), 20_000);
    }

    #[test]
    fn characters_are_spread_evenly() {
        let mut source = NonceSource::from_seed([3; 32]);
        let counter = NonceCounter::from_seed([4; 32]);
        let mut counts = [0_u32; 256];
        for _ in 0..5_000 {
            for byte in source.next().0.into_iter().chain(counter.next().0) {
                counts[usize::from(byte)] += 1;
            }
        }
        // 20,000 of each are expected, with a standard deviation of 137.
        for &byte in b"0123456789abcdef" {
            assert!((19_200..=20_800).contains(&counts[usize::from(byte)]), "{}", char::from(byte));
        }
    }
}
