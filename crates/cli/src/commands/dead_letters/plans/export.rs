//! A report item by item, into a file.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use service::failure::Failure;
use service::operator::plans::ItemRow;
use service::output::csv_row;

const HEAD: &str = "id,event_id,connection,group,result,reason,released_at,ended_at";

/// The target of items. An existing file is not overwritten.
pub(super) enum Export {
    Nowhere,
    Ndjson(BufWriter<File>),
    Csv(BufWriter<File>),
}

impl Export {
    pub(super) fn of(ndjson: Option<PathBuf>, csv: Option<PathBuf>) -> Result<Self, Failure> {
        match (ndjson, csv) {
            (Some(path), _) => Ok(Self::Ndjson(create(&path)?)),
            (None, Some(path)) => {
                let mut file = create(&path)?;
                writeln!(file, "{HEAD}").map_err(|error| failed(&error))?;
                Ok(Self::Csv(file))
            }
            (None, None) => Ok(Self::Nowhere),
        }
    }

    pub(super) fn is_wanted(&self) -> bool {
        !matches!(self, Self::Nowhere)
    }

    pub(super) fn write(&mut self, row: &ItemRow) -> Result<(), Failure> {
        let written = match self {
            Self::Nowhere => Ok(()),
            Self::Ndjson(file) => {
                serde_json::to_writer(&mut *file, row).map_err(Into::into).and_then(|()| writeln!(file))
            }
            Self::Csv(file) => writeln!(file, "{}", line(row)),
        };
        written.map_err(|error| failed(&error))
    }

    pub(super) fn end(self) -> Result<(), Failure> {
        match self {
            Self::Nowhere => Ok(()),
            Self::Ndjson(mut file) | Self::Csv(mut file) => file.flush().map_err(|error| failed(&error)),
        }
    }
}

fn create(path: &Path) -> Result<BufWriter<File>, Failure> {
    let file = File::create_new(path).map_err(|error| {
        Failure::failed(
            "report_file",
            &error,
            format!("{}: name a new file in a folder that can be written", path.display()),
        )
    })?;
    Ok(BufWriter::new(file))
}

fn failed(error: &std::io::Error) -> Failure {
    Failure::failed("report_file", error, "check that the disk of the report has free space")
}

/// A row of CSV, as RFC 4180 has it.
fn line(row: &ItemRow) -> String {
    let time = |at: Option<jiff::Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    let cells = [
        row.id.to_string(),
        row.event_id.to_string(),
        row.connection.clone(),
        row.group.clone(),
        row.result.word().to_owned(),
        row.reason.clone(),
        time(row.released_at),
        time(row.ended_at),
    ];
    csv_row(cells.each_ref().map(String::as_str))
}
