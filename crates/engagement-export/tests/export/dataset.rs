//! Data sets in a folder.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use engagement_export::{
    Dataset,
    dataset::{Commit, DatasetError, Table},
};
use jiff::Timestamp;

use crate::{
    read::{expected, rows_of},
    world::{Owned, count, total, tweet},
};

/// A folder for one test, empty at first, removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("export-{}-{number}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Every file that readers may see, and what the data set says of itself.
    pub(crate) fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let mut contents = BTreeMap::new();
        let mut folders = vec![self.0.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(&self.0).unwrap().to_str().unwrap().to_owned();
                if path.is_file() {
                    contents.insert(name, fs::read(&path).unwrap());
                } else if name != "_engagement/staging" {
                    folders.push(path);
                }
            }
        }
        contents
    }

    /// Their names.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.contents().into_keys().collect()
    }

    fn commit_record(&self, number: u32) -> Commit {
        let path = self.0.join(format!("_engagement/commits/{number:08}.json"));
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn at() -> Timestamp {
    "2024-03-06T12:00:00Z".parse().unwrap()
}

fn export_series(folder: &Folder, series: &[Owned]) -> Commit {
    let mut dataset = Dataset::open(folder.path()).unwrap();
    let mut writer = dataset.series();
    for owned in series {
        writer.write(&owned.fact()).unwrap();
    }
    writer.finish().unwrap();
    dataset.commit(at()).unwrap()
}

const ONE: u64 = 1_700_000_000_000_000_001;
const TWO: u64 = 1_700_000_000_000_000_002;

#[test]
fn tables_lie_as_readers_expect() {
    let folder = Folder::new();
    let series = [
        count(ONE, "2024-03-01T22", 5),
        count(ONE, "2024-03-01T23", 6),
        count(TWO, "2024-03-01T00", 7),
        count(ONE, "2024-03-02T00", 8),
    ];
    let totals = [total(ONE, "2024-03-05T23:59:59Z", 9), total(ONE, "2024-03-06T00:00:00Z", 10)];
    let mut dataset = Dataset::open(folder.path()).unwrap();
    let mut writer = dataset.series();
    series.iter().for_each(|owned| writer.write(&owned.fact()).unwrap());
    writer.finish().unwrap();
    let mut writer = dataset.totals();
    totals.iter().for_each(|owned| writer.write(&owned.fact()).unwrap());
    writer.finish().unwrap();
    let mut writer = dataset.tweets();
    [ONE, TWO].iter().for_each(|id| writer.write(&tweet(*id)).unwrap());
    writer.finish().unwrap();
    // Nothing can be seen before all of it can.
    assert_eq!(folder.paths(), ["_engagement/dataset.json", "_engagement/lock"]);
    let commit = dataset.commit(at()).unwrap();

    assert_eq!(
        folder.paths(),
        [
            "_engagement/commits/00000001.json",
            "_engagement/dataset.json",
            "_engagement/lock",
            "series/dt=2024-03-01/part-0.parquet",
            "series/dt=2024-03-02/part-0.parquet",
            "totals/dt=2024-03-05/part-0.parquet",
            "totals/dt=2024-03-06/part-0.parquet",
            "tweets/part-0.parquet",
        ]
    );
    let read = |path: &str| rows_of(folder.path(), path);
    let wanted = |rows: &[Owned]| rows.iter().map(|owned| expected(&owned.fact())).collect::<Vec<_>>();
    assert_eq!(read("series/dt=2024-03-01/part-0.parquet"), wanted(&series[..3]));
    assert_eq!(read("series/dt=2024-03-02/part-0.parquet"), wanted(&series[3..]));
    assert_eq!(read("totals/dt=2024-03-05/part-0.parquet"), wanted(&totals[..1]));
    assert_eq!(read("totals/dt=2024-03-06/part-0.parquet"), wanted(&totals[1..]));
    assert_eq!(read("tweets/part-0.parquet").len(), 2);

    assert_eq!(commit, folder.commit_record(1));
    assert_eq!((commit.commit, commit.committed_at), (1, at()));
    let rows = |table| commit.tables[&table].rows;
    assert_eq!((rows(Table::Series), rows(Table::Totals), rows(Table::Tweets)), (4, 2, 2));
    for file in commit.tables.values().flat_map(|contents| &contents.files) {
        let length = fs::metadata(folder.path().join(&file.path)).unwrap().len();
        assert_eq!(file.bytes, length, "{}", file.path);
        assert_eq!(file.rows, read(&file.path).len() as u64, "{}", file.path);
    }
}

#[test]
fn a_second_export_adds_a_commit_and_takes_the_place_of_the_first() {
    let folder = Folder::new();
    let first =
        [count(ONE, "2024-03-01T22", 5), count(ONE, "2024-03-02T00", 6), count(ONE, "2024-03-03T00", 6)];
    export_series(&folder, &first);
    let mut dataset = Dataset::open(folder.path()).unwrap();
    let mut tweets = dataset.tweets();
    tweets.write(&tweet(ONE)).unwrap();
    tweets.finish().unwrap();
    dataset.commit(at()).unwrap();
    let third =
        [count(ONE, "2024-03-01T22", 50), count(TWO, "2024-03-01T23", 7), count(ONE, "2024-03-03T00", 6)];
    let commit = export_series(&folder, &third);

    assert_eq!(
        folder.paths(),
        [
            "_engagement/commits/00000001.json",
            "_engagement/commits/00000002.json",
            "_engagement/commits/00000003.json",
            "_engagement/dataset.json",
            "_engagement/lock",
            "series/dt=2024-03-01/part-0.parquet",
            "series/dt=2024-03-03/part-0.parquet",
            "tweets/part-0.parquet",
        ]
    );
    let values = |path| -> Vec<_> {
        rows_of(folder.path(), path).into_iter().map(|row| (row[0].clone(), row[5].clone())).collect()
    };
    let pair = |id: u64, value: &str| (id.to_string(), value.to_owned());
    assert_eq!(values("series/dt=2024-03-01/part-0.parquet"), [pair(ONE, "50"), pair(TWO, "7")]);
    let commits = |table| commit.tables[&table].commit;
    assert_eq!((commits(Table::Series), commits(Table::Tweets)), (3, 2));
    assert_eq!(commit.replaced, ["series/dt=2024-03-02/part-0.parquet"]);
}

#[test]
fn what_an_export_could_not_remove_the_next_one_does() {
    let folder = Folder::new();
    export_series(&folder, &[count(ONE, "2024-03-01T22", 5), count(ONE, "2024-03-02T00", 6)]);
    let stale = folder.path().join("series/dt=2024-03-02/part-0.parquet");
    let bytes = fs::read(&stale).unwrap();
    export_series(&folder, &[count(ONE, "2024-03-01T22", 5)]);
    // As if it had been killed between its record and this.
    fs::create_dir_all(stale.parent().unwrap()).unwrap();
    fs::write(&stale, bytes).unwrap();
    export_series(&folder, &[count(ONE, "2024-03-01T22", 5)]);
    assert!(!stale.exists() && !stale.parent().unwrap().exists());
}

#[test]
fn an_export_that_is_dropped_has_not_happened() {
    let folder = Folder::new();
    export_series(&folder, &[count(ONE, "2024-03-01T22", 5)]);
    let before = folder.contents();
    let mut dataset = Dataset::open(folder.path()).unwrap();
    let mut series = dataset.series();
    series.write(&count(ONE, "2024-03-01T22", 6).fact()).unwrap();
    series.finish().unwrap();
    let mut totals = dataset.totals();
    totals.write(&total(ONE, "2024-03-05T23:59:59Z", 9).fact()).unwrap();
    drop(totals);
    drop(dataset);
    assert_eq!(folder.contents(), before);
    assert!(!folder.path().join("_engagement/staging").exists());
}

#[test]
fn a_table_that_is_not_finished_is_not_committed() {
    let folder = Folder::new();
    let mut dataset = Dataset::open(folder.path()).unwrap();
    let mut series = dataset.series();
    series.write(&count(ONE, "2024-03-01T22", 6).fact()).unwrap();
    drop(series);
    let commit = dataset.commit(at()).unwrap();
    assert!(commit.tables.is_empty());
    assert!(!folder.path().join("series").exists());
}

#[test]
fn a_table_of_no_rows_is_one_without_files() {
    let folder = Folder::new();
    export_series(&folder, &[count(ONE, "2024-03-01T22", 5)]);
    let commit = export_series(&folder, &[]);
    assert_eq!(commit.tables[&Table::Series].files, []);
    assert_eq!(fs::read_dir(folder.path().join("series")).unwrap().count(), 0);
}

#[test]
fn rows_out_of_order_are_refused() {
    let folder = Folder::new();
    let mut dataset = Dataset::open(folder.path()).unwrap();
    for (first, second) in [
        (count(TWO, "2024-03-01T22", 5), count(ONE, "2024-03-01T22", 5)),
        (count(ONE, "2024-03-01T22", 5), count(ONE, "2024-03-01T21", 5)),
        (count(ONE, "2024-03-02T00", 5), count(TWO, "2024-03-01T23", 5)),
    ] {
        let mut series = dataset.series();
        series.write(&first.fact()).unwrap();
        let error = series.write(&second.fact()).unwrap_err();
        assert!(matches!(error, DatasetError::Unsorted { table: Table::Series, .. }), "{error}");
    }
}

#[test]
fn a_place_with_something_else_in_it_is_refused_and_left_alone() {
    let folder = Folder::new();
    fs::create_dir(folder.path().join("series")).unwrap();
    fs::write(folder.path().join("series/a.parquet"), "mine").unwrap();
    let before = folder.paths();
    let refused = Dataset::open(folder.path()).unwrap_err();
    assert!(matches!(refused, DatasetError::Foreign { .. }), "{refused}");
    assert!(refused.to_string().ends_with("is not empty, and holds no data set of this program"));
    assert_eq!(folder.paths(), before);

    let file = folder.path().join("series/a.parquet");
    assert!(matches!(Dataset::open(&file).unwrap_err(), DatasetError::Io { .. }));
}

#[test]
fn a_data_set_that_this_version_does_not_know_is_refused() {
    let folder = Folder::new();
    drop(Dataset::open(folder.path()).unwrap());
    let identity = folder.path().join("_engagement/dataset.json");
    let text = fs::read_to_string(&identity).unwrap();
    for (from, to) in [("\"version\": 1", "\"version\": 2"), ("engagement-dataset", "somebody-elses")] {
        assert!(text.contains(from), "{text}");
        fs::write(&identity, text.replace(from, to)).unwrap();
        assert!(matches!(Dataset::open(folder.path()).unwrap_err(), DatasetError::Unknown { .. }));
    }
    fs::write(&identity, "{").unwrap();
    assert!(matches!(Dataset::open(folder.path()).unwrap_err(), DatasetError::Damaged { .. }));
}

#[test]
fn what_comes_from_elsewhere_does_not_take_the_place_of_what_is_there() {
    let folder = Folder::new();
    export_series(&folder, &[count(ONE, "2024-03-01T22", 5)]);
    let export = |origin| -> Result<_, DatasetError> {
        let mut dataset = Dataset::open(folder.path())?.of(origin)?;
        let mut series = dataset.series();
        series.write(&count(TWO, "2024-03-02T22", 6).fact())?;
        series.finish()?;
        dataset.commit(at())
    };
    // What nobody claims is the first one's who does.
    assert_eq!(export("one store").unwrap().origin.as_deref(), Some("one store"));
    let before = folder.contents();
    let refused = export("another").unwrap_err();
    assert!(matches!(refused, DatasetError::OtherOrigin { .. }));
    assert!(
        refused.to_string().ends_with("holds the rows of one store, and these are of another"),
        "{refused}"
    );
    assert_eq!(folder.contents(), before);
    // The claim stays, whoever writes.
    assert_eq!(export_series(&folder, &[]).origin.as_deref(), Some("one store"));
    assert!(export("another").is_err());
    export("one store").unwrap();
}

#[test]
fn two_exports_do_not_write_to_one_folder_at_once() {
    let folder = Folder::new();
    let first = Dataset::open(folder.path()).unwrap();
    assert!(matches!(Dataset::open(folder.path()).unwrap_err(), DatasetError::Busy { .. }));
    drop(first);
    Dataset::open(folder.path()).unwrap();
}

#[test]
fn an_export_that_cannot_be_put_in_its_place_is_not_committed() {
    let folder = Folder::new();
    drop(Dataset::open(folder.path()).unwrap());
    fs::write(folder.path().join("series"), "in the way").unwrap();
    let mut dataset = Dataset::open(folder.path()).unwrap();
    let mut series = dataset.series();
    series.write(&count(ONE, "2024-03-01T22", 5).fact()).unwrap();
    series.finish().unwrap();
    assert!(matches!(dataset.commit(at()).unwrap_err(), DatasetError::Io { .. }));
    assert_eq!(Dataset::open(folder.path()).unwrap().last_commit().unwrap(), None);
}
