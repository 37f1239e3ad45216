use std::collections::BTreeMap;

use engagement_collect::{Question, model::plan::Target};
use engagement_emulator::Class;

use crate::stage::Stage;

#[tokio::test]
async fn a_list_of_all_kinds_is_collected_once() {
    let stage = Stage::set().await;
    let mut ids = stage.emulator.tweets(Class::Owned, Some("demo_brand"), 600);
    ids.extend(stage.emulator.tweets(Class::Unowned, None, 300));
    ids.extend(stage.emulator.tweets(Class::Unavailable, None, 10));
    let client = stage.client(&["demo_brand"]);
    let question = Question::new(Target::Totals);
    let outcome = stage.collect(client.clone(), &question, &ids).await;
    assert_eq!(outcome.tweets(), BTreeMap::from([("ok", 900), ("unavailable", 10)]));
    assert!(outcome.ended.is_none() && outcome.problems.is_empty(), "{outcome:?}");
    let requests = stage.requests();

    // There is nothing left to ask.
    let again = stage.collect(client, &question, &ids).await;
    assert_eq!((again.tweets(), stage.requests()), (outcome.tweets(), requests));
}
