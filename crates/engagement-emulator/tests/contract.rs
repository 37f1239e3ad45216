//! The contract, rule by rule, asked over HTTP. Tests carry the numbers of their rules and how well each is known,
//! with the contract's marks: documented (D), seen in the wild (W), inferred (I), a guess (E).

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "contract/client.rs"]
mod client;

#[path = "contract/agreement.rs"]
mod agreement;
#[path = "contract/authentication.rs"]
mod authentication;
#[path = "contract/faults.rs"]
mod faults;
#[path = "contract/fuzz.rs"]
mod fuzz;
#[path = "contract/hostile.rs"]
mod hostile;
#[path = "contract/nesting.rs"]
mod nesting;
#[path = "contract/order.rs"]
mod order;
#[path = "contract/partial.rs"]
mod partial;
#[path = "contract/rules.rs"]
mod rules;
#[path = "contract/test_interface.rs"]
mod test_interface;
#[path = "contract/three_legged.rs"]
mod three_legged;
#[cfg(feature = "tls")]
#[path = "contract/tls.rs"]
mod tls;
#[path = "contract/validation.rs"]
mod validation;
#[path = "contract/windows.rs"]
mod windows;
