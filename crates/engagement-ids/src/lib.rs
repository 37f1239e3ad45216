//! Reads lists of Tweet ids out of text, tables, URLs and JSON, and says what is wrong with them.
