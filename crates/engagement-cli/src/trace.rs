//! `-vvv`: what the layers below note for themselves, event by event.
//!
//! Whatever is traced is told, that of the libraries below ours too; what some note with `log` has no listener, and is
//! told nobody.

use std::fmt::{self, Write as _};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use crate::talk::Talk;

/// Tells everything that is traced from now on, if that many details are asked for.
pub(crate) fn listen(talk: &Talk) {
    if talk.traces_all() {
        // Only a second listener could be refused, and there is none.
        let _ = tracing::subscriber::set_global_default(Listener { talk: talk.clone() });
    }
}

struct Listener {
    talk: Talk,
}

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::of(span.metadata());
        span.record(&mut fields);
        self.talk.trace(&fields.0);
        // Spans are told when they begin, and nothing refers to them later.
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::of(event.metadata());
        event.record(&mut fields);
        self.talk.trace(&fields.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// One line of names and values.
struct Fields(String);

impl Fields {
    fn of(about: &Metadata<'_>) -> Self {
        Self(format!("{} {}:", about.target(), about.name()))
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a text cannot fail.
        let _ = write!(self.0, " {field}={value:?}");
    }
}
