//! Places that take so many bytes and no more.

use std::io::{self, Write};

use engagement_export::{Facts, Order, ParquetError, ParquetFile};

use crate::world::count;

/// Takes so many bytes.
struct Disk {
    room: usize,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = bytes.len().min(self.room);
        self.room -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(room: usize) -> Result<Disk, ParquetError> {
    let mut file = ParquetFile::<Facts, _>::create(Disk { room }, Order::Sorted)?;
    for n in 0..300 {
        file.write(&count(n / 24 + 1, "2024-03-01T07", n * n).fact())?;
    }
    file.finish()
}

#[test]
fn a_disk_that_fills_up_is_told_wherever_it_does() {
    const PLENTY: usize = 1 << 24;
    let whole = PLENTY - write(PLENTY).unwrap().room;
    // Every byte of the beginning and of the end, and some of what lies between.
    let rooms = (0..20).chain((20..whole - 100).step_by(whole / 20)).chain(whole - 100..whole);
    for room in rooms {
        match write(room) {
            Err(ParquetError::Io(error)) => assert_eq!(error.kind(), io::ErrorKind::StorageFull),
            Err(other) => panic!("{room}: {other:?}"),
            Ok(_) => panic!("{room} of {whole} bytes are enough"),
        }
    }
    assert_eq!(write(whole).unwrap().room, 0);
}
