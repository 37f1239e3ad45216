//! What is written is what is read.

use engagement_export::{Facts, Order, ParquetError, ParquetFile, TweetLines};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use proptest::prelude::*;

use crate::{
    read::{expected, rows},
    world::{Owned, count, facts, tweet},
};

fn file(facts: &[Owned]) -> Vec<u8> {
    let mut file = ParquetFile::<Facts, _>::create(Vec::new(), Order::AsTheyCome).unwrap();
    for owned in facts {
        file.write(&owned.fact()).unwrap();
    }
    assert_eq!(file.rows(), facts.len() as u64);
    file.finish().unwrap()
}

proptest! {
    #[test]
    fn facts_survive(facts in facts()) {
        let read = rows(file(&facts)).split_off(1);
        let wanted: Vec<_> = facts.iter().map(|owned| expected(&owned.fact())).collect();
        prop_assert_eq!(read, wanted);
    }
}

#[test]
fn rows_beyond_one_batch_survive() {
    let facts: Vec<_> = (0..20_000).map(|n| count(n / 24 + 1, "2024-03-01T07", n)).collect();
    let wanted: Vec<_> = facts.iter().map(|owned| expected(&owned.fact())).collect();
    assert_eq!(rows(file(&facts)).split_off(1), wanted);
}

#[test]
fn a_file_of_no_rows_has_its_columns() {
    let names = [
        "tweet_id",
        "tweet_id_text",
        "metric",
        "bucket_start",
        "bucket_end",
        "value",
        "state",
        "reason",
        "endpoint",
        "observed_at",
        "owner",
    ];
    assert_eq!(rows(file(&[])), [names]);
}

#[test]
fn tweets_survive() {
    let mut file = ParquetFile::<TweetLines, _>::create(Vec::new(), Order::Sorted).unwrap();
    file.write(&tweet(20)).unwrap();
    file.write(&tweet(1_700_000_000_000_000_000)).unwrap();
    let rows = rows(file.finish().unwrap());
    assert_eq!(
        rows[0],
        ["tweet_id", "tweet_id_text", "owner", "created_at", "state", "reason", "checked_at"]
    );
    let checked = "2024-03-06T12:00:00Z";
    assert_eq!(rows[1], ["20", "20", "demo_brand", "null", "ok", "null", checked]);
    let id = "1700000000000000000";
    assert_eq!(rows[2], [id, id, "demo_brand", "2023-09-08T04:15:59Z", "ok", "null", checked]);
}

#[test]
fn a_count_that_no_column_holds_is_named() {
    let mut file = ParquetFile::<Facts, _>::create(Vec::new(), Order::Sorted).unwrap();
    file.write(&count(20, "2024-03-01T07", i64::MAX.unsigned_abs()).fact()).unwrap();
    let error = file.write(&count(21, "2024-03-01T07", 1 << 63).fact()).unwrap_err();
    assert!(matches!(error, ParquetError::TooLarge { .. }));
    assert_eq!(
        error.to_string(),
        "9223372036854775808 impressions of Tweet 21 are more than a Parquet column of counts holds"
    );
}

#[test]
fn readers_learn_the_order_only_where_there_is_one() {
    for (order, sorted_by) in [(Order::Sorted, Some(vec![0, 3, 2, 9])), (Order::AsTheyCome, None)] {
        let mut file = ParquetFile::<Facts, _>::create(Vec::new(), order).unwrap();
        file.write(&count(20, "2024-03-01T07", 1).fact()).unwrap();
        let reader = SerializedFileReader::new(bytes::Bytes::from(file.finish().unwrap())).unwrap();
        let columns = reader.metadata().row_group(0).sorting_columns();
        let columns = columns.map(|columns| columns.iter().map(|column| column.column_idx).collect());
        assert_eq!(columns, sorted_by);
    }
}
