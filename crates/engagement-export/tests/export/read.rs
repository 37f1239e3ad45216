//! Parquet files as rows of text: `null`, or what a column holds.

use std::{fs, path::Path};

use arrow_array::{
    Array as _, ArrayRef, Int64Array, TimestampMicrosecondArray, UInt64Array, cast::AsArray as _,
};
use arrow_schema::DataType;
use bytes::Bytes;
use engagement_export::{Fact, whole_seconds};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// The rows of a file, with the names of the columns first.
pub(crate) fn rows(file: Vec<u8>) -> Vec<Vec<String>> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file)).unwrap();
    let names = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut rows: Vec<Vec<String>> = vec![names];
    for batch in builder.build().unwrap() {
        let batch = batch.unwrap();
        for row in 0..batch.num_rows() {
            rows.push(batch.columns().iter().map(|column| cell(column, row)).collect());
        }
    }
    rows
}

/// The rows of a file below a folder, without the names.
pub(crate) fn rows_of(folder: &Path, path: &str) -> Vec<Vec<String>> {
    rows(fs::read(folder.join(path)).unwrap()).split_off(1)
}

fn cell(column: &ArrayRef, row: usize) -> String {
    if column.is_null(row) {
        return "null".to_owned();
    }
    match column.data_type() {
        DataType::UInt64 => column.as_any().downcast_ref::<UInt64Array>().unwrap().value(row).to_string(),
        DataType::Int64 => column.as_any().downcast_ref::<Int64Array>().unwrap().value(row).to_string(),
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::Timestamp(_, zone) => {
            assert_eq!(zone.as_deref(), Some("UTC"));
            let times = column.as_any().downcast_ref::<TimestampMicrosecondArray>().unwrap();
            jiff::Timestamp::from_microsecond(times.value(row)).unwrap().to_string()
        }
        other => panic!("no column has the type {other}"),
    }
}

/// What a fact must read back as.
pub(crate) fn expected(fact: &Fact<'_>) -> Vec<String> {
    fn text<T: ToString>(cell: Option<T>) -> String {
        cell.map_or_else(|| "null".to_owned(), |cell| cell.to_string())
    }
    let row = fact.row;
    vec![
        row.tweet_id.to_string(),
        row.tweet_id.to_string(),
        row.metric.to_string(),
        text(row.bucket.map(|bucket| bucket.start())),
        text(row.bucket.map(|bucket| bucket.end())),
        text(row.outcome.value()),
        row.outcome.state().to_string(),
        text(row.outcome.reason()),
        fact.endpoint.to_string(),
        whole_seconds(fact.observed_at).to_string(),
        text(fact.owner),
    ]
}
