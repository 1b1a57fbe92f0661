//! Tables that fit the terminal: long cells are cut, and columns that can be spared are left out.

/// Stands between two columns.
const BETWEEN: &str = "  ";
/// A cell is cut to this width before a column is left out.
const COMFORTABLE: usize = 12;
/// The least width that a cell is cut to.
const LEAST: usize = 8;
/// Stands for text that was cut off.
const CUT: char = '…';

/// The ways to fit a column that is too wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// Nothing: the operator copies it into another command.
    Whole,
    /// Its cells are cut.
    Cut,
    /// Its cells are cut, then it is left out; the last such column goes first.
    Spare,
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    name: &'static str,
    fit: Fit,
}

/// A column that stays as it is, because its cells are copied into other commands.
#[must_use]
pub fn whole(name: &'static str) -> Column {
    Column { name, fit: Fit::Whole }
}

/// A column whose cells may be cut.
#[must_use]
pub fn cut(name: &'static str) -> Column {
    Column { name, fit: Fit::Cut }
}

/// A column that may be left out.
#[must_use]
pub fn spare(name: &'static str) -> Column {
    Column { name, fit: Fit::Spare }
}

impl From<&'static str> for Column {
    fn from(name: &'static str) -> Self {
        cut(name)
    }
}

/// A table as lines.
pub(super) struct Laid {
    pub(super) lines: Vec<String>,
    /// The names of the columns that are left out.
    pub(super) left_out: Vec<&'static str>,
}

/// Lays a table out; `None` is unlimited room.
pub(super) fn lay_out(columns: &[Column], rows: &[Vec<String>], room: Option<usize>) -> Laid {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
    let natural: Vec<usize> =
        columns.iter().enumerate().map(|(place, column)| natural(place, column, &rows)).collect();
    // An empty column takes no room from the others.
    let is_empty =
        |place: usize| !rows.is_empty() && rows.iter().all(|row| row.get(place).is_none_or(String::is_empty));
    let used = |place: &usize| columns[*place].fit == Fit::Whole || !is_empty(*place);
    let mut shown: Vec<usize> = (0..columns.len()).filter(used).collect();
    let mut left_out = Vec::new();
    let widths = loop {
        let least = if spare_place(columns, &shown).is_some() { COMFORTABLE } else { LEAST };
        match room.map(|room| shrunk(columns, &natural, &shown, room, least)) {
            None => break natural.clone(),
            Some((widths, true)) => break widths,
            Some((widths, false)) => match spare_place(columns, &shown) {
                Some(place) => left_out.insert(0, columns[shown.remove(place)].name),
                None => break widths,
            },
        }
    };
    let head: Vec<String> = columns.iter().map(|column| column.name.to_owned()).collect();
    let lines = std::iter::once(&head).chain(&rows).map(|row| line(row, &shown, &widths)).collect();
    Laid { lines, left_out }
}

fn natural(place: usize, column: &Column, rows: &[Vec<String>]) -> usize {
    let cells = rows.iter().filter_map(|row| row.get(place)).map(|cell| cell.chars().count());
    cells.chain([column.name.chars().count()]).max().unwrap_or(0)
}

fn spare_place(columns: &[Column], shown: &[usize]) -> Option<usize> {
    shown.iter().rposition(|place| columns[*place].fit == Fit::Spare)
}

/// Cuts the widest columns, down to `least`, until all fit. Returns whether they do.
fn shrunk(
    columns: &[Column],
    natural: &[usize],
    shown: &[usize],
    room: usize,
    least: usize,
) -> (Vec<usize>, bool) {
    let mut widths = natural.to_vec();
    let gaps = BETWEEN.len() * shown.len().saturating_sub(1);
    loop {
        let taken: usize = shown.iter().map(|place| widths[*place]).sum::<usize>() + gaps;
        if taken <= room {
            return (widths, true);
        }
        let can_shrink = |place: &&usize| {
            let column = columns[**place];
            column.fit != Fit::Whole && widths[**place] > least.max(column.name.chars().count())
        };
        match shown.iter().filter(can_shrink).max_by_key(|place| widths[**place]) {
            Some(place) => widths[*place] -= 1,
            None => return (widths, false),
        }
    }
}

fn line(row: &[String], shown: &[usize], widths: &[usize]) -> String {
    let mut line = String::new();
    for place in shown {
        let width = widths[*place];
        let cell = shortened(row.get(*place).map_or("", String::as_str), width);
        // By hand: the widths of `format!` end at 65,535, and a cell may be a whole event.
        let padding = width.saturating_sub(cell.chars().count());
        line.push_str(&cell);
        line.extend(std::iter::repeat_n(' ', padding));
        line.push_str(BETWEEN);
    }
    line.trim_end().to_owned()
}

fn shortened(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    let kept: String = cell.chars().take(width.saturating_sub(1)).collect();
    format!("{}{CUT}", kept.trim_end())
}

/// A cell may show text from a stranger: control characters must not reach the operator's terminal.
pub(super) fn printable(cell: &str) -> String {
    cell.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(room: Option<usize>) -> Laid {
        let columns = [whole("ID"), cut("CAUSE"), spare("NOTE"), spare("EMPTY")];
        let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        let rows = [
            row(["0193b5c0", "the value of the field phone was refused", "said by the source once", ""]),
            row(["17", "lång\u{1b}[2J", "", ""]),
        ];
        lay_out(&columns, &rows, room)
    }

    #[test]
    fn a_wide_terminal_gets_whole_cells_without_control_characters() {
        let laid = laid(None);
        assert_eq!(
            laid.lines,
            [
                "ID        CAUSE                                     NOTE",
                "0193b5c0  the value of the field phone was refused  said by the source once",
                "17        lång\u{fffd}[2J",
            ]
        );
        assert_eq!(laid.left_out, [""; 0]);
    }

    #[test]
    fn a_cell_may_be_longer_than_the_longest_width_of_a_format() {
        let long = "x".repeat(200_000);
        let rows = [vec!["1".to_owned(), long.clone()], vec!["2".to_owned(), "y".to_owned()]];
        let laid = lay_out(&[whole("ID"), whole("PAYLOAD")], &rows, None);
        assert_eq!(laid.lines[1], format!("1   {long}"));
        assert_eq!(laid.lines[2], "2   y");
    }

    #[test]
    fn a_narrow_terminal_gets_shorter_cells_then_fewer_columns_and_whole_ids() {
        let medium = laid(Some(60));
        assert_eq!(medium.lines[1], "0193b5c0  the value of the field p…  said by the source once");
        assert_eq!(medium.left_out, [""; 0]);
        let narrow = laid(Some(30));
        assert_eq!(narrow.lines[1], "0193b5c0  the value of the fi…");
        assert_eq!(narrow.left_out, ["NOTE"]);
        for room in 20..100 {
            let laid = laid(Some(room));
            assert!(laid.lines.iter().all(|line| line.chars().count() <= room), "{room}: {:?}", laid.lines);
            assert!(laid.lines[1].starts_with("0193b5c0"));
        }
    }
}
