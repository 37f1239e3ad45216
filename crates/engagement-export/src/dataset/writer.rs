//! A table on its way into a data set.

use super::{
    Dataset,
    commit::file_path,
    error::DatasetError,
    place::Sink,
    table::{Sorted, Table},
};
use crate::parquet_file::{Order, ParquetError, ParquetFile};

/// A table that is being written, one partition after the other: one file is open at a time.
///
/// Dropped before [`TableWriter::finish`], it has not been written.
#[derive(Debug)]
pub struct TableWriter<'a, C: Sorted> {
    dataset: &'a mut Dataset,
    table: Table,
    open: Option<Open<C>>,
    written: Vec<super::Written>,
}

/// The partition that is being written.
#[derive(Debug)]
struct Open<C: Sorted> {
    path: String,
    file: ParquetFile<C, Sink>,
    last: C::Key,
}

impl<'a, C: Sorted> TableWriter<'a, C> {
    pub(super) fn new(dataset: &'a mut Dataset, table: Table) -> Self {
        Self { dataset, table, open: None, written: Vec::new() }
    }

    /// Adds a row, which must not belong before the one that came before.
    ///
    /// # Errors
    ///
    /// A row that comes too late, a value that is too large, or what keeps it from being written.
    pub fn write(&mut self, record: &C::Record<'_>) -> Result<(), DatasetError> {
        let key = C::key(record);
        if let Some(open) = &self.open {
            if key < open.last {
                return Err(DatasetError::Unsorted { table: self.table, key: format!("{key:?}") });
            }
            if !C::stay_together(&open.last, &key) {
                self.close()?;
            }
        }
        let open = match &mut self.open {
            Some(open) => open,
            none => {
                let path = file_path::<C>(self.table, &key);
                let sink = self.dataset.place.begin(&path)?;
                let file = ParquetFile::create(sink, Order::Sorted).map_err(failed(&path))?;
                none.insert(Open { path, file, last: key.clone() })
            }
        };
        open.last = key;
        open.file.write(record).map_err(failed(&open.path))
    }

    /// Closes the table. It is the data set's once that is committed.
    ///
    /// # Errors
    ///
    /// What keeps it from being written.
    pub fn finish(mut self) -> Result<(), DatasetError> {
        self.close()?;
        self.dataset.written.retain(|(table, _)| *table != self.table);
        self.dataset.written.push((self.table, self.written));
        Ok(())
    }

    fn close(&mut self) -> Result<(), DatasetError> {
        if let Some(Open { path, file, .. }) = self.open.take() {
            let rows = file.rows();
            let sink = file.finish().map_err(failed(&path))?;
            let written = sink.finish(path.clone(), rows).map_err(ParquetError::Io);
            self.written.push(written.map_err(failed(&path))?);
        }
        Ok(())
    }
}

fn failed(path: &str) -> impl Fn(ParquetError) -> DatasetError {
    move |source| DatasetError::File { path: path.to_owned(), source }
}
