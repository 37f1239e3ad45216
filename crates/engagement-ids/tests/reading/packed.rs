//! Compressed lists.

use std::io::Write;

use engagement_ids::{Options, Packing, ReadErrorKind};
use flate2::{Compression, write::GzEncoder};

use crate::{ids, list, list_with};

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

#[test]
fn are_read_as_they_are() {
    for text in [
        &b"15\n16\n"[..],
        b"\xef\xbb\xbfid,text\r\n15,a\r\n16,b\r\n",
        b"[15,16]",
        b"\xff\xfe1\x005\0\n\x001\x006\0",
    ] {
        for packed in [gzipped(text), zstd(text)] {
            assert_eq!(ids(&list(&packed)), [15, 16], "{text:?}");
        }
    }
    for packed in [gzipped(b""), zstd(b"")] {
        assert_eq!(list(&packed).counts().read, 0);
    }
}

#[test]
fn have_all_their_members_and_frames_read() {
    assert_eq!(ids(&list(&[gzipped(b"15\n1"), gzipped(b"6\n17\n")].concat())), [15, 16, 17]);
    assert_eq!(ids(&list(&[zstd(b"15\n1"), zstd(b"6\n17\n")].concat())), [15, 16, 17]);
}

#[test]
fn large_ones_come_through_whole() {
    let text = (1..100_000).map(|id| format!("{id}\n")).collect::<String>();
    for packed in [gzipped(text.as_bytes()), zstd(text.as_bytes())] {
        let found = list(&packed);
        assert!(ids(&found).into_iter().eq(1..100_000));
    }
}

#[test]
fn are_refused_whole_when_they_are_cut() {
    let text = (1_500_000_000_000_000_000_u64..).take(40).map(|id| format!("{id}\n")).collect::<String>();
    for (packed, wanted) in
        [(gzipped(text.as_bytes()), Packing::Gzip), (zstd(text.as_bytes()), Packing::Zstd)]
    {
        for length in 4..packed.len() {
            match list_with(&packed[..length], &Options::default()) {
                Err(error) => {
                    let right =
                        matches!(error.kind(), ReadErrorKind::Damaged { packing, .. } if *packing == wanted);
                    assert!(right, "{wanted} cut to {length}: {error:?}");
                }
                Ok(list) => panic!("{wanted} cut to {length}: {} ids", list.ids().len()),
            }
        }
    }
}

#[test]
fn give_the_same_list_or_none_when_a_bit_is_wrong() {
    let text = b"1500000000000000001\n1500000000000000002\n";
    for packed in [gzipped(text), zstd(text)] {
        // The magic numbers aside: without them it is no such file.
        for bit in 4 * 8..packed.len() * 8 {
            let mut flipped = packed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(found) = list_with(&flipped, &Options::default()) {
                assert_eq!(ids(&found), [1_500_000_000_000_000_001, 1_500_000_000_000_000_002], "bit {bit}");
            }
        }
    }
}

#[test]
fn of_other_kinds_are_named() {
    for (start, word) in [
        (&b"PK\x03\x04..."[..], "spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "spreadsheet"),
        (b"BZh91AY", "bzip2"),
        (b"\xfd7zXZ\0\0", "xz"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"PAR1\x15", "Parquet"),
        (b"SQLite format 3\0", "SQLite"),
        (b"%PDF-1.7", "PDF"),
    ] {
        let error = list_with(start, &Options::default()).unwrap_err();
        assert!(
            matches!(error.kind(), ReadErrorKind::Foreign { .. }) && error.to_string().contains(word),
            "{error}"
        );
    }
}
