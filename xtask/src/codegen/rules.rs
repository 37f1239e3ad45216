//! `docs/rules.md`: the emulator's list of rules, for those who meet a rule's number in a message or a comment.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};

/// The page, from the source that has the list.
pub(super) fn page(source: &str) -> Result<String> {
    let (_, list) = source.split_once(START).context("the source has the list of rules")?;
    let (list, _) = list.split_once("\n];").context("the list ends")?;
    let mut out = String::from(HEADER);
    let mut part = "";
    for call in list.split("rule(").skip(1) {
        // No text has a quote in it.
        ensure!(!call.contains(['\\', '|']), "this generator cannot write {call:?}");
        let mut pieces = call.split('"').skip(1);
        let mut next = || pieces.next().with_context(|| format!("a rule has more parts than {call:?}"));
        let (number, mark, text) = (next()?, next()?, next()?);
        let mark = mark.trim_matches([',', ' ', '\n']);
        ensure!(MARKS.contains(&mark), "{mark:?} is no evidence");
        let switch = if next()?.contains("Some(") { format!("`{}`", next()?) } else { String::new() };
        let title = title(number)?;
        if title != part {
            part = title;
            write!(
                out,
                "\n## {title}\n\n| number | evidence | rule | switch |\n| --- | --- | --- | --- |\n"
            )?;
        }
        writeln!(out, "| {number} | {mark} | {text} | {switch} |")?;
    }
    ensure!(!part.is_empty(), "there are no rules");
    Ok(out)
}

fn title(number: &str) -> Result<&'static str> {
    let title = match number.split(['.', ' ']).next().unwrap_or_default() {
        "1" => "1 Endpoints and HTTP",
        "3" => "3 Answers",
        "4" => "4 Metrics",
        "5" => "5 Refusals and limits",
        "6" => "6 Authentication",
        "7" => "7 Ids and accounts",
        two if two == "2" || two.starts_with('V') => "2 Requests",
        _ => anyhow::bail!("the rule {number} has no part of the page"),
    };
    Ok(title)
}

const START: &str = "const RULES: &[Rule] = &[";
const MARKS: [&str; 4] = ["D", "W", "I", "E"];
const HEADER: &str = "\
<!-- Made by `cargo xtask codegen` from crates/engagement-emulator/src/rules.rs: change that, not this. -->

# The rules

What is known of the Engagement API, as the emulator keeps it: `engagement emulator --rules` prints the same. Messages of
the emulator cite these numbers, and so do most comments in the code that speak of the contract.

Evidence: D, the official documentation states it; W, official sample code or a real answer quoted in public shows it
(seen in the wild); I, it is inferred from these; E, nothing public settles it, and it is a guess of ours. A switch,
`--switch NAME=VALUE`, makes the emulator do otherwise.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_a_line_of_its_part() {
        let source = "const RULES: &[Rule] = &[\n    rule(\"1\", W, \"one\", Some(\"switch\")),\n    rule(\n        \
                      \"V2\",\n        D,\n        \"two\",\n        None,\n    ),\n];\n";
        let page = page(source).unwrap();
        let (_, parts) = page.split_once("\n## ").unwrap();
        let head = "| number | evidence | rule | switch |\n| --- | --- | --- | --- |\n";
        assert_eq!(
            parts,
            format!(
                "1 Endpoints and HTTP\n\n{head}| 1 | W | one | `switch` |\n\n## 2 Requests\n\n{head}| V2 | D | two |  |\n"
            )
        );
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for source in [
            "",
            "const RULES: &[Rule] = &[\n];",
            "const RULES: &[Rule] = &[\n    rule(\"9\", D, \"x\", None),\n];",
        ] {
            assert!(page(source).is_err(), "{source:?}");
        }
    }
}
