//! How columns lie in the file.

use arrow_schema::DataType;
use parquet::{
    basic::{Compression, Encoding, ZstdLevel},
    file::{
        metadata::SortingColumn,
        properties::{EnabledStatistics, WriterProperties},
    },
    schema::types::ColumnPath,
};

use super::columns::{Columns, TWEET_ID, TWEET_ID_TEXT};

/// In which order the rows come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As the records of a data set: see [`Columns::SORTED_BY`].
    Sorted,
    /// In no order that a reader may count on.
    AsTheyCome,
}

/// zstd 1, and dictionaries that give way to deltas.
///
/// A file has few hours, few times of observation, and mostly small counts: as dictionaries they take half of what deltas
/// take (`cargo xtask bench -p engagement-export`). Where there are too many values for one, each is told by its
/// difference from the one before. Ids are sorted, and as deltas from the beginning.
pub(super) fn properties<C: Columns>(order: Order) -> WriterProperties {
    let schema = C::schema();
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        // Who looks for one Tweet reads one page.
        .set_column_statistics_enabled(ColumnPath::from(TWEET_ID), EnabledStatistics::Page)
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES));
    for field in schema.fields() {
        let column = ColumnPath::from(field.name().as_str());
        let otherwise = match field.data_type() {
            DataType::Utf8 if field.name() == TWEET_ID_TEXT => Encoding::DELTA_BYTE_ARRAY,
            DataType::Utf8 => continue,
            _ => Encoding::DELTA_BINARY_PACKED,
        };
        properties = properties
            .set_column_dictionary_enabled(column.clone(), field.name() != TWEET_ID)
            .set_column_encoding(column, otherwise);
    }
    if order == Order::Sorted {
        let index = |name: &&str| schema.index_of(name).ok().and_then(|index| i32::try_from(index).ok());
        let sorted = C::SORTED_BY.iter().filter_map(index);
        let ascending =
            sorted.map(|column_idx| SortingColumn { column_idx, descending: false, nulls_first: true });
        properties = properties.set_sorting_columns(Some(ascending.collect()));
    }
    properties.build()
}

/// Rows of a row group at most: what a reader skips or takes as a whole, and what is held in memory while it is written.
const ROW_GROUP: usize = 1 << 20;
/// Its bytes at most, where words are long.
const ROW_GROUP_BYTES: usize = 64 << 20;
