//! What came of the clients: client × call × check.

use std::{collections::BTreeMap, fmt};

use anyhow::Result;

/// The results so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    misses: Vec<String>,
}

#[derive(Debug)]
struct Row {
    client: &'static str,
    call: &'static str,
    /// One for each of [`CHECKS`].
    marks: Vec<&'static str>,
}

impl Report {
    /// Takes in what the judge of `client` printed. Every check of every one of `calls` must be in it.
    pub(crate) fn add(&mut self, client: &'static str, calls: &[&'static str], output: Result<String>) {
        let output = output.unwrap_or_else(|error| {
            self.misses.push(format!("{client}: {error:#}"));
            String::new()
        });
        let mut verdicts = BTreeMap::new();
        for line in output.lines() {
            let parts: Vec<&str> = line.splitn(3, '\t').collect();
            match parts[..] {
                [call, check, verdict] if calls.contains(&call) && CHECKS.contains(&check) => {
                    verdicts.insert((call, check), verdict);
                }
                _ => self.misses.push(format!("{client}: prints {line:?}")),
            }
        }
        for call in calls {
            let mut mark = |check: &&'static str| match verdicts.get(&(*call, *check)) {
                Some(&"ok") => "ok",
                Some(seen) => {
                    self.misses.push(format!("{client}, {call}, {check}: {seen}"));
                    "MISS"
                }
                None => {
                    self.misses.push(format!("{client}, {call}, {check}: not checked"));
                    "MISS"
                }
            };
            let marks = CHECKS.iter().map(&mut mark).collect();
            self.rows.push(Row { client, call, marks });
        }
    }

    /// Whether there was something to see, and nothing amiss.
    pub(crate) fn holds(&self) -> bool {
        self.misses.is_empty() && !self.rows.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<24}{:<18}", "client", "call")?;
        writeln!(f, "{}", CHECKS.join("  "))?;
        for row in &self.rows {
            write!(f, "{:<24}{:<18}", row.client, row.call)?;
            let cells = CHECKS.iter().zip(&row.marks).map(|(check, mark)| format!("{mark:<0$}", check.len()));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        self.misses.iter().try_for_each(|miss| writeln!(f, "{miss}"))
    }
}

/// What is checked of each call.
const CHECKS: [&str; 4] = ["status", "gzip", "values", "wrong secret"];

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    const GOOD: &str = "totals\tstatus\tok\ntotals\tgzip\tok\ntotals\tvalues\tok\ntotals\twrong secret\tok\n";

    fn report(output: Result<String>) -> Report {
        let mut report = Report::default();
        report.add("curl", &["totals"], output);
        report
    }

    #[test]
    fn all_is_well_when_every_check_says_so() {
        let report = report(Ok(GOOD.to_owned()));
        assert!(report.holds());
        let wanted = "client                  call              status  gzip  values  wrong secret\n\
                      curl                    totals            ok      ok    ok      ok\n";
        assert_eq!(report.to_string(), wanted);
    }

    #[test]
    fn every_kind_of_miss_is_told() {
        let misses = |output: &str| report(Ok(output.to_owned())).misses;
        let bad = GOOD.replace("values\tok", "values\t3, not 4");
        assert_eq!(misses(&bad), ["curl, totals, values: 3, not 4"]);
        let short = GOOD.replace("totals\tgzip\tok\n", "");
        assert_eq!(misses(&short), ["curl, totals, gzip: not checked"]);
        assert_eq!(misses(&format!("{GOOD}hello\n")), ["curl: prints \"hello\""]);
        let report = report(Err(anyhow!("python ended")));
        assert!(!report.holds());
        assert_eq!(report.misses.len(), 5);
    }

    #[test]
    fn nothing_at_all_is_no_success() {
        assert!(!Report::default().holds());
    }
}
