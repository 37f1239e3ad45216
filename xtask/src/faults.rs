//! `cargo xtask faults`: what goes wrong, for longer than a change should wait for it.

use anyhow::Result;

use crate::{
    figures, judge,
    test::{self, Step, Work},
    workspace::Workspace,
};

/// Runs the steps up to the first that fails. The last line says how many tests passed and failed.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    test::run_all(workspace, STEPS)
}

/// The suites know a shorter form of each, which the test command runs; what makes them long is in their environment.
const STEPS: &[Step] = &[
    Step {
        name: "every call to the disk fails once under a store",
        work: Work::Long {
            args: &[
                "test",
                "--locked",
                "--package",
                "engagement-store",
                "--test",
                "it",
                "a_disk_that_fails_at_any_call",
            ],
            settings: &[("ENGAGEMENT_EVERY_FAULT", "1")],
        },
    },
    Step {
        name: "24 hours in which three requests in ten fail, 100 times",
        work: Work::Long {
            args: &[
                "test",
                "--locked",
                "--release",
                "--package",
                "engagement-transport",
                "--test",
                "it",
                "soak",
            ],
            settings: &[("SOAK_HOURS", "24"), ("SOAK_SEEDS", "100")],
        },
    },
    Step {
        name: "the same in whole queries, whose every value is looked at",
        work: Work::Long {
            args: &["test", "--locked", "--release", "--package", "engagement-tests", "--test", "it", "soak"],
            settings: &[("SOAK_HOURS", "24"), ("SOAK_SEEDS", "100")],
        },
    },
    Step {
        name: "100,000 calls to a server that closes idle connections",
        work: Work::Long {
            args: &[
                "test",
                "--locked",
                "--release",
                "--package",
                "engagement-transport",
                "--test",
                "it",
                "a_server_that_closes_idle_connections",
            ],
            settings: &[("IDLE_CALLS", "100000")],
        },
    },
    Step {
        name: "a reset at every byte of a long answer",
        work: Work::Long {
            args: &[
                "test",
                "--locked",
                "--release",
                "--package",
                "engagement-tests",
                "--test",
                "it",
                "a_reset_in_a_long_answer",
            ],
            settings: &[("SWEEP", "whole")],
        },
    },
    Step {
        name: "200 kills in a collection of 100,000 Tweets, and every call to the disk that can fail",
        work: Work::Own(judge::run_long),
    },
    Step {
        name: "what a collection of a million Tweets costs, and planning ten million",
        work: Work::Own(figures::run_long),
    },
    Step {
        name: "five minutes of everything hostile at once, against the emulator",
        work: Work::Cargo(&[
            "bench",
            "--locked",
            "--package",
            "engagement-emulator",
            "--bench",
            "figures",
            "--",
            "siege",
        ]),
    },
    Step {
        name: "OpenSSL from source",
        work: Work::Cargo(&["check", "--locked", "--package", "engagement-cli", "--features", "vendored"]),
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A setting that no suite reads would make a short run pass for a long one.
    #[test]
    fn every_setting_is_one_that_a_suite_reads() {
        let root = Workspace::here().unwrap().root().to_path_buf();
        let suites =
            ["crates/engagement-store/tests/it", "crates/engagement-transport/tests/it", "tests/tests/it"]
                .map(|folder| root.join(folder));
        let files = suites.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
        let sources: String =
            files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
        let settings: BTreeSet<&str> = STEPS
            .iter()
            .filter_map(|step| match step.work {
                Work::Long { settings, .. } => Some(settings),
                _ => None,
            })
            .flat_map(|settings| settings.iter().map(|(name, _)| *name))
            .collect();
        assert!(settings.len() >= 4);
        for name in settings {
            assert!(sources.contains(&format!("\"{name}\"")), "{name}");
        }
    }
}
