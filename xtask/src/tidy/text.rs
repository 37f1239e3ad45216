//! Rules over the text of a file.

use std::collections::BTreeSet;

use super::{complaint::Complaint, source::Source};

/// What all text rules say of one file. Only the model may spell out the names in `metrics`.
pub(crate) fn check(source: &Source, metrics: &BTreeSet<String>) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    complaints.extend(unfinished(source));
    complaints.extend(machine_paths(source));
    complaints.extend(unreasoned_exceptions(source));
    complaints.extend(code_in_the_table_of_contents(source));
    complaints.extend(metric_names(source, metrics));
    complaints
}

/// Nothing is left for later: neither a note, nor a stub, nor a test that does not run.
fn unfinished(source: &Source) -> Vec<Complaint> {
    if !source.is_rust() {
        return Vec::new();
    }
    each(source.lines(), source, |line| {
        let mark = UNFINISHED.iter().find(|mark| line.contains(**mark))?;
        Some((format!("`{mark}` is unfinished work"), "finish it, or take it out"))
    })
}

/// A path of one machine is wrong on every other.
fn machine_paths(source: &Source) -> Vec<Complaint> {
    each(source.lines(), source, |line| {
        let path = MACHINE_PATHS.iter().find(|path| line.contains(**path))?;
        Some((
            format!("`{path}` is a path of one machine"),
            "find the place at run time, or make an example up",
        ))
    })
}

/// An exception from a lint says why. One that expects instead of allowing says when it is no longer needed.
fn unreasoned_exceptions(source: &Source) -> Vec<Complaint> {
    if !source.is_rust() {
        return Vec::new();
    }
    let begins = EXCEPTIONS.iter().flat_map(|begin| source.text.match_indices(begin));
    let unreasoned = begins.filter_map(|(at, _)| {
        let (before, rest) = source.text.split_at_checked(at)?;
        let attribute = rest.split(']').next()?;
        (!attribute.contains("reason = \"")).then(|| before.matches('\n').count() + 1)
    });
    let unreasoned: BTreeSet<usize> = unreasoned.collect();
    let complain = |line| {
        Complaint::at(&source.path, line, "an exception without a reason", "say `reason = \"…\"` in it")
    };
    unreasoned.into_iter().map(complain).collect()
}

/// A `lib.rs` lists what is in the crate; the code is in modules.
fn code_in_the_table_of_contents(source: &Source) -> Vec<Complaint> {
    if source.path.rsplit('/').next() != Some("lib.rs") {
        return Vec::new();
    }
    each(source.product_lines(), source, |line| {
        let is_function = line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "fn");
        is_function
            .then(|| ("a function in the table of contents".to_owned(), "move it to the module of its noun"))
    })
}

/// A metric is spelt in one place, the generated table; anywhere else a wire name would drift.
fn metric_names(source: &Source, metrics: &BTreeSet<String>) -> Vec<Complaint> {
    let is_bound = source.path.starts_with("crates/") && !source.path.starts_with("crates/engagement-model/");
    if !is_bound {
        return Vec::new();
    }
    each(source.product_lines(), source, |line| {
        let name = line.split('"').find(|part| metrics.contains(*part))?;
        Some((format!("the metric name {name:?} is spelt out"), "use `engagement_model::Metric`"))
    })
}

/// The complaints of `judge` about each of `lines`.
fn each<'a>(
    lines: impl Iterator<Item = (usize, &'a str)>,
    source: &Source,
    judge: impl Fn(&'a str) -> Option<(String, &'static str)>,
) -> Vec<Complaint> {
    lines
        .filter_map(|(number, line)| {
            let (what, remedy) = judge(line)?;
            Some(Complaint::at(&source.path, number, what, remedy))
        })
        .collect()
}

// Written in two halves, so that this file keeps its own rules.

const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("#[ig", "nore"),
];

const MACHINE_PATHS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tmp/ba", "sh_jobs")];

const EXCEPTIONS: &[&str] =
    &[concat!("#[al", "low("), concat!("#![al", "low("), concat!("#[ex", "pect("), concat!("#![ex", "pect(")];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::complaint::expect;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn unfinished_work_is_named() {
        for mark in UNFINISHED {
            let text = format!("fn a() {{\n    // {mark}\n}}\n");
            let wanted = format!("a.rs:2: `{mark}` is unfinished work");
            expect(&unfinished(&source("a.rs", &text)), &[&wanted]);
            expect(&unfinished(&source("a.md", &text)), &[]);
        }
    }

    #[test]
    fn machine_paths_are_named_in_any_file() {
        for path in MACHINE_PATHS {
            let wanted = format!("README.md:1: `{path}` is a path of one machine");
            expect(&machine_paths(&source("README.md", &format!("see {path}notes\n"))), &[&wanted]);
        }
        expect(&machine_paths(&source("README.md", "https://example.com/network/roots\n")), &[]);
    }

    #[test]
    fn exceptions_need_reasons() {
        let [bare, expecting, inner] = [EXCEPTIONS[0], EXCEPTIONS[2], EXCEPTIONS[3]];
        let text = format!(
            "{bare}dead_code)]\n{expecting}\n    dead_code,\n    reason = \"a reason\"\n)]\n    {inner}dead_code)]\n\
             {bare}a, reason = \"it is\")]\n"
        );
        expect(
            &unreasoned_exceptions(&source("a.rs", &text)),
            &["a.rs:1: an exception without a reason", "a.rs:6: an exception without a reason"],
        );
    }

    #[test]
    fn a_table_of_contents_holds_no_code() {
        let text = "//! fn main() {}\nmod a;\npub fn b() {}\n\n#[cfg(test)]\nmod tests {\n    fn c() {}\n}\n";
        expect(
            &code_in_the_table_of_contents(&source("crates/a/src/lib.rs", text)),
            &["crates/a/src/lib.rs:3: a function in the table of contents"],
        );
        expect(&code_in_the_table_of_contents(&source("crates/a/src/a.rs", text)), &[]);
    }

    #[test]
    fn metric_names_belong_to_the_model() {
        let metrics = BTreeSet::from(["url_clicks".to_owned()]);
        let text = "// \"url_clicks\"\nlet a = \"url_clicks\";\nlet b = \"not url_clicks\";\n#[cfg(test)]\nmod tests {\n    \"url_clicks\"\n";
        let complaints = metric_names(&source("crates/engagement/src/a.rs", text), &metrics);
        expect(&complaints, &["crates/engagement/src/a.rs:2: the metric name \"url_clicks\" is spelt out"]);
        for elsewhere in
            ["crates/engagement-model/src/a.rs", "crates/engagement/tests/a.rs", "tests/src/a.rs"]
        {
            expect(&metric_names(&source(elsewhere, text), &metrics), &[]);
        }
    }
}
