//! The `engagement` command: Tweet ids in, engagement rows out.

fn main() {}
