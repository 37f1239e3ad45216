use std::sync::Mutex;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::poison;

/// Random delays, so that what stopped together does not start together.
pub(crate) struct Jitter(Mutex<StdRng>);

impl Jitter {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(StdRng::from_rng(&mut rand::rng())))
    }

    pub(crate) fn seeded(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// Anything from nothing to `most`, each as likely.
    pub(crate) fn up_to(&self, most: Duration) -> Duration {
        most.mul_f64(poison::lock(&self.0).random::<f64>())
    }
}
