//! A table without lines, for terminals: columns that fit, cells that wrap.

use comfy_table::{ContentArrangement, Table, presets};

/// The lines of a table that is at most `width` columns wide; without a header, the rows alone.
pub fn lines(header: &[&str], rows: Vec<Vec<String>>, width: usize) -> Vec<String> {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX));
    if !header.is_empty() {
        table.set_header(header.to_vec());
    }
    table.add_rows(rows);
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}
