//! Compressed files, told by their first bytes.

use std::{
    fmt,
    io::{self, BufReader, Read},
};

use crate::{read::ReadErrorKind, zstd::Frames};

/// How a file was compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Packing {
    /// gzip: all members, each with its checksum and length.
    Gzip,
    /// Zstandard: all frames, each with its checksum and length if it carries them. A window of 128 MiB is the most.
    Zstd,
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// `input`, unpacked if need be, and how it was packed.
pub(crate) fn unpacked<'a>(
    mut input: impl Read + 'a,
) -> Result<(Option<Packing>, Box<dyn Read + 'a>), ReadErrorKind> {
    let mut magic = Vec::new();
    input.by_ref().take(MAGIC_LENGTH).read_to_end(&mut magic).map_err(ReadErrorKind::Io)?;
    if let Some((_, name)) = FOREIGN.iter().find(|(start, _)| magic.starts_with(start)) {
        return Err(ReadErrorKind::Foreign { name });
    }
    let packing = match magic.as_slice() {
        [0x1f, 0x8b, ..] => Some(Packing::Gzip),
        // A frame, or one of the frames that carry no data.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Packing::Zstd),
        _ => None,
    };
    let whole = io::Cursor::new(magic).chain(input);
    let unpacked: Box<dyn Read + 'a> = match packing {
        None => Box::new(whole),
        Some(Packing::Gzip) => Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::new(whole))),
        Some(Packing::Zstd) => Box::new(Frames::new(BufReader::new(whole))),
    };
    Ok((packing, unpacked))
}

/// What people hand over for a list, and what to do instead.
const FOREIGN: [(&[u8], &str); 8] = [
    (
        b"PK\x03\x04",
        "a zip archive or a spreadsheet file: unpack it, or save the sheet as CSV with the id column as text",
    ),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1",
        "an old spreadsheet file: save the sheet as CSV with the id column as text",
    ),
    (b"BZh", "bzip2 data: unpack it with bunzip2"),
    (b"\xfd7zXZ\0", "xz data: unpack it with unxz"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it"),
    (b"PAR1", "a Parquet file: write its id column as text"),
    (b"SQLite", "an SQLite database: select the ids into a text file"),
    (b"%PDF", "a PDF document: no list can be read from it"),
];
/// As much as the longest entry above.
const MAGIC_LENGTH: u64 = 6;
