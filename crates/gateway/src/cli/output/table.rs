use comfy_table::{ContentArrangement, Table, presets};
use portcullis::text::visible;

/// Spaces left and right of each cell.
const PADDING: (u16, u16) = (0, 2);

/// A list: a line of titles, and one line for each row, however narrow the terminal is: what is
/// copied out of it, ids above all, has to be whole.
pub(crate) fn list<const N: usize>(
    titles: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table
        .set_header(titles)
        .add_rows(rows.into_iter().map(|row| row.map(cell)));
    print(table)
}

/// The fields of one record, a line for each, of whatever length.
pub(crate) fn fields(rows: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let mut table = Table::new();
    table.add_rows(
        rows.into_iter()
            .map(|(name, value)| [name.to_owned(), cell(value)]),
    );
    print(table)
}

/// A value on one line: a line break in it would look like a row of its own.
fn cell(value: String) -> String {
    visible(&value).into_owned()
}

fn print(mut table: Table) -> String {
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.column_iter_mut().for_each(|column| {
        column.set_padding(PADDING);
    });
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::{fields, list};

    #[test]
    fn columns_stand_below_their_titles() {
        let rows = [
            ["orders".to_owned(), "10".to_owned()],
            ["a".to_owned(), "10000".to_owned()],
        ];
        let text = list(["NAME", "QUOTA"], rows);
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert_eq!(lines, ["NAME    QUOTA", "orders  10", "a       10000"]);
        assert_eq!(fields([("name", "orders".to_owned())]), "name  orders");
    }

    #[test]
    fn what_is_stored_neither_steers_the_terminal_nor_adds_a_row() {
        let stored = || "a\u{1b}[2J\r\nb\u{202e}".to_owned();
        let shown = r"a\u{1b}[2J\u{d}\u{a}b\u{202e}";
        assert_eq!(fields([("name", stored())]), format!("name  {shown}"));
        assert_eq!(list(["NAME"], [[stored()]]).lines().count(), 2);
        assert!(list(["NAME"], [[stored()]]).contains(shown));
    }
}
