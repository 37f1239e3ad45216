//! `cargo xtask codegen [--check]`: the metric table and the API's limits, from the contract's table to Rust; and the
//! page of the rules, from the emulator's list.

mod rules;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

/// What to do about a generated file that is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write it.
    Write,
    /// Complain.
    Check,
}

/// Makes every generated file below `root` current, or in check mode says which one is not.
pub(crate) fn run(root: &Path, mode: Mode) -> Result<()> {
    let model = root.join("crates/engagement-model");
    let input = model.join("contract/metrics.toml");
    let table = fs::read_to_string(&input).with_context(|| format!("reading {}", input.display()))?;
    let table: Table = toml::from_str(&table).with_context(|| format!("reading {}", input.display()))?;
    settle(&model.join("src/metric/table.rs"), &rustfmt(&metric_table(table)?, root)?, mode)?;

    let list = root.join("crates/engagement-emulator/src/rules.rs");
    let list = fs::read_to_string(&list).with_context(|| format!("reading {}", list.display()))?;
    settle(&root.join("docs/rules.md"), &rules::page(&list)?, mode)
}

/// Makes `path` hold `wanted`, or in check mode says that it does not.
fn settle(path: &Path, wanted: &str, mode: Mode) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    match mode {
        Mode::Write => fs::write(path, wanted).with_context(|| format!("writing {}", path.display())),
        Mode::Check => bail!("{} is stale: run `cargo xtask codegen`", path.display()),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    schema_version: u32,
    limits: Limits,
    metric: Vec<Metric>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    max_groupings: usize,
    max_group_by: usize,
    max_four_level_groupings: usize,
    window_max_hours: u32,
    history_floor: String,
    history_max_days: u32,
    max_tweet_ids: BTreeMap<String, usize>,
    group_by: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metric {
    name: String,
    endpoints: Vec<String>,
    app_only_totals: bool,
    max_age_days: Option<u32>,
    #[serde(default)]
    max_age_endpoints: Vec<String>,
    age_list_key: Option<String>,
    formerly: Vec<String>,
    zero_before: Option<String>,
    since: Option<String>,
    app_only_since: Option<String>,
    context: String,
    context_documented: bool,
    v2_insights: String,
    v2_analytics: String,
    description: String,
}

fn metric_table(mut table: Table) -> Result<String> {
    ensure!(table.schema_version == 1, "this generator reads schema_version 1, not {}", table.schema_version);
    // Declared by name, so that the derived order of known metrics is the order of their names.
    table.metric.sort_by(|a, b| a.name.cmp(&b.name));
    let mut out = String::from(HEADER);
    variants(&mut out, &table.metric)?;
    facts(&mut out, &table.metric)?;
    limits(&mut out, &table.limits)?;
    Ok(out)
}

fn variants(out: &mut String, metrics: &[Metric]) -> Result<()> {
    writeln!(
        out,
        "/// A metric by its wire name. Ordered by name.\n\
         #[derive(Clone, Debug, PartialEq, Eq, Hash)]\n\
         #[non_exhaustive]\n\
         pub enum Metric {{"
    )?;
    for metric in metrics {
        writeln!(out, "    /// `{}`: {}\n    {},", metric.name, metric.description, camel(&metric.name))?;
    }
    writeln!(
        out,
        "    /// A name that the table does not know: sent by the server unasked, or asked for on purpose.\n    \
         Other(OtherMetric),\n}}\n"
    )?;
    writeln!(
        out,
        "impl Metric {{\n    /// Every metric of the table, by name.\n    pub const ALL: [Self; {}] = [",
        metrics.len()
    )?;
    for metric in metrics {
        writeln!(out, "Self::{},", camel(&metric.name))?;
    }
    writeln!(out, "    ];\n")?;
    writeln!(
        out,
        "    /// The metric of the table with this wire name: exact, lower-case, no blanks (contract V5).\n    \
         pub fn known(name: &str) -> Option<Self> {{\n        Some(match name {{"
    )?;
    for metric in metrics {
        writeln!(out, "{:?} => Self::{},", metric.name, camel(&metric.name))?;
    }
    writeln!(out, "_ => return None,\n        }})\n    }}\n")?;
    writeln!(
        out,
        "    /// What the table says of this metric; `None` for [`Metric::Other`].\n    \
         pub const fn facts(&self) -> Option<&'static Facts> {{\n        match self {{"
    )?;
    for (index, metric) in metrics.iter().enumerate() {
        writeln!(out, "Self::{} => Some(&FACTS[{index}]),", camel(&metric.name))?;
    }
    writeln!(out, "Self::Other(_) => None,\n        }}\n    }}\n")?;
    writeln!(
        out,
        "    /// Its place in [`Metric::ALL`]; `None` for [`Metric::Other`].\n    \
         pub(super) const fn place(&self) -> Option<usize> {{\n        match self {{"
    )?;
    for (index, metric) in metrics.iter().enumerate() {
        writeln!(out, "Self::{} => Some({index}),", camel(&metric.name))?;
    }
    writeln!(out, "Self::Other(_) => None,\n        }}\n    }}\n}}\n")?;
    Ok(())
}

fn facts(out: &mut String, metrics: &[Metric]) -> Result<()> {
    writeln!(
        out,
        "/// One row for each of [`Metric::ALL`], in its order.\nstatic FACTS: [Facts; {}] = [",
        metrics.len()
    )?;
    for metric in metrics {
        ensure!(
            metric.max_age_days.is_some() != metric.max_age_endpoints.is_empty()
                && metric.max_age_days.is_some() == metric.age_list_key.is_some(),
            "{}: max_age_days, max_age_endpoints and age_list_key come together",
            metric.name
        );
        let context = match metric.context.as_str() {
            "organic" => "Context::Organic",
            "organic+promoted" => "Context::OrganicAndPromoted",
            other => bail!("{}: unknown context {other:?}", metric.name),
        };
        writeln!(
            out,
            "Facts {{ name: {:?}, endpoints: &{}, app_only_totals: {}, max_age_days: {:?}, \
             max_age_endpoints: &{}, age_list_key: {:?}, formerly: &{:?}, zero_before: {:?}, since: {:?}, \
             app_only_since: {:?}, context: {context}, context_documented: {}, v2_insights: {:?}, \
             v2_analytics: {:?}, description: {:?} }},",
            metric.name,
            endpoints(&metric.endpoints)?,
            metric.app_only_totals,
            metric.max_age_days,
            endpoints(&metric.max_age_endpoints)?,
            metric.age_list_key,
            metric.formerly,
            metric.zero_before,
            metric.since,
            metric.app_only_since,
            metric.context_documented,
            some_text(&metric.v2_insights),
            some_text(&metric.v2_analytics),
            metric.description,
        )?;
    }
    writeln!(out, "];\n")?;
    Ok(())
}

fn limits(out: &mut String, limits: &Limits) -> Result<()> {
    let rows = [
        (
            "MAX_GROUPINGS",
            "Groupings in one request, at most (contract V8, documented).",
            limits.max_groupings,
        ),
        ("MAX_GROUP_BY", "Dimensions in one grouping, at most.", limits.max_group_by),
        (
            "MAX_FOUR_LEVEL_GROUPINGS",
            "Groupings of four dimensions in one request, at most (contract V13, documented).",
            limits.max_four_level_groupings,
        ),
    ];
    for (name, doc, value) in rows {
        writeln!(out, "/// {doc}\npub const {name}: usize = {value};\n")?;
    }
    writeln!(
        out,
        "/// Length of a window in hours, at most (contract 2.3 rule 4, documented; inclusive by our choice).\n\
         pub const WINDOW_MAX_HOURS: u32 = {};\n\n\
         /// No data before this time (contract 2.3 rule 6, documented).\n\
         pub const HISTORY_FLOOR: &str = {:?};\n\n\
         /// How many days back data reaches, by a newer page than the reference (contract 2.3 rule 7, documented).\n\
         pub const HISTORY_MAX_DAYS: u32 = {};\n",
        limits.window_max_hours, limits.history_floor, limits.history_max_days
    )?;
    writeln!(
        out,
        "/// Tweet ids in one request, at most (contract V2, documented).\n\
         pub(crate) const fn max_tweet_ids(endpoint: Endpoint) -> usize {{\n    match endpoint {{"
    )?;
    for (wire, variant) in ENDPOINTS {
        let count = limits.max_tweet_ids.get(wire).with_context(|| format!("limits.max_tweet_ids.{wire}"))?;
        writeln!(out, "Endpoint::{variant} => {count},")?;
    }
    writeln!(
        out,
        "    }}\n}}\n\n/// Dimensions that the endpoint can group by (contract V10, documented).\n\
         pub(crate) const fn dimensions(endpoint: Endpoint) -> &'static [Dimension] {{\n    match endpoint {{"
    )?;
    for (wire, variant) in ENDPOINTS {
        let values = limits.group_by.get(wire).with_context(|| format!("limits.group_by.{wire}"))?;
        let values = values
            .iter()
            .map(|value| Ok(format!("Dimension::{}", camel(&value.replace('.', "_")))))
            .collect::<Result<Vec<_>>>()?
            .join(", ");
        writeln!(out, "Endpoint::{variant} => &[{values}],")?;
    }
    writeln!(out, "    }}\n}}")?;
    Ok(())
}

/// `["totals"]` to `[Endpoint::Totals]`.
fn endpoints(names: &[String]) -> Result<String> {
    let variants = names
        .iter()
        .map(|name| {
            let (_, variant) = ENDPOINTS
                .iter()
                .find(|(wire, _)| wire == name)
                .with_context(|| format!("unknown endpoint {name:?}"))?;
            Ok(format!("Endpoint::{variant}"))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(format!("[{}]", variants.join(", ")))
}

/// The table writes "none" as an empty text.
fn some_text(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn camel(snake: &str) -> String {
    snake
        .split('_')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters)
        })
        .collect()
}

fn rustfmt(source: &str, root: &Path) -> Result<String> {
    let mut child = Command::new("rustfmt")
        .args(["--emit", "stdout", "--config-path"])
        .arg(root.join("rustfmt.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting rustfmt")?;
    child.stdin.take().context("rustfmt takes input")?.write_all(source.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "rustfmt refuses the generated code");
    Ok(String::from_utf8(output.stdout)?)
}

/// Wire name and variant, in the order of the contract.
const ENDPOINTS: [(&str, &str); 3] =
    [("totals", "Totals"), ("28hr", "Last28Hours"), ("historical", "Historical")];

const HEADER: &str = "\
// Made by `cargo xtask codegen` from contract/metrics.toml: change that, not this.

use super::{Context, Facts, OtherMetric};
use crate::{endpoint::Endpoint, grouping::Dimension};

";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    #[test]
    fn the_tree_is_current() {
        run(Workspace::here().unwrap().root(), Mode::Check).unwrap();
    }

    #[test]
    fn a_stale_file_is_named() {
        let path = std::env::temp_dir().join(format!("xtask-stale-{}.rs", std::process::id()));
        fs::write(&path, "old").unwrap();
        let complaint = settle(&path, "new", Mode::Check).unwrap_err().to_string();
        let untouched = fs::read_to_string(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(complaint.contains("is stale: run `cargo xtask codegen`"), "{complaint}");
        assert_eq!(untouched, "old");
    }

    #[test]
    fn an_unknown_field_or_endpoint_is_refused() {
        assert!(toml::from_str::<Table>("schema_version = 1\nsurprise = 2").is_err());
        assert!(endpoints(&["weekly".to_owned()]).is_err());
    }
}
