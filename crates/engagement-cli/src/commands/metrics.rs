//! `--metrics`.

use engagement::{
    Metrics,
    model::{
        Endpoint, InvalidRequest, Metric,
        outcome::{clean_words, is_hidden},
    },
};

use crate::{cli::Selection, commands::setup::refused, exit::Failure, talk::Talk};

/// What is asked for, with groups spelt out and legacy names replaced.
pub(super) fn choose(selection: &Selection, endpoint: Endpoint, talk: &Talk) -> Result<Metrics, Failure> {
    if selection.metrics.is_empty() {
        return Ok(Metrics::Allowed);
    }
    let mut named = Vec::new();
    for name in &selection.metrics {
        match name.as_str() {
            "all" => named.extend(endpoint.metrics()),
            "public" => named.extend(endpoint.metrics().filter(Metric::is_public)),
            "private" => named.extend(endpoint.metrics().filter(|metric| !metric.is_public())),
            name => named.push(metric(name, selection.allow_unknown_metrics, talk)?),
        }
    }
    if let Some(misplaced) = named.iter().find(|metric| !metric.is_served_by(endpoint)) {
        return Err(refused(&InvalidRequest::MisplacedMetric { endpoint, metric: misplaced.clone() }.into()));
    }
    Ok(Metrics::Named(named))
}

fn metric(name: &str, allow_unknown: bool, talk: &Talk) -> Result<Metric, Failure> {
    if let Some(metric) = Metric::formerly(name) {
        talk.warn(&format!("{name} is now called {metric}"));
        return Ok(metric);
    }
    match name.parse() {
        Ok(metric) => Ok(metric),
        Err(_) if name.contains(is_hidden) => Err(Failure::usage(format!(
            "a name of a metric has a character that does not show: {}",
            clean_words(name, 100)
        ))),
        Err(_) if allow_unknown && !name.is_empty() => {
            talk.warn(&format!("{name} is no metric known here; sent as it is"));
            Ok(Metric::named(name))
        }
        Err(unknown) => Err(Failure::usage(unknown)
            .hint("a name newer than this version is sent with --allow-unknown-metrics")),
    }
}
