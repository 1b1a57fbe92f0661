//! Writes rows by binary COPY: if every row is new, it costs the server half the work of an INSERT from arrays.
//!
//! Source of the format: PostgreSQL's documentation, COPY, "Binary Format".

use sqlx::PgConnection;
use uuid::Uuid;

use super::failure::Failure;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// No flags, and no header extension.
const REST_OF_HEADER: [u8; 8] = [0; 8];
const END: [u8; 2] = (-1_i16).to_be_bytes();
const NULL: [u8; 4] = (-1_i32).to_be_bytes();

/// With fewer rows an INSERT is used. It costs the server more for each row, but takes one round trip. A COPY takes three messages, of
/// which the last is delayed by up to 40 ms: sqlx 0.9.0 leaves Nagle's algorithm on, and the server has nothing to answer in between
/// (<https://github.com/transact-rs/sqlx/issues/4335>). A few rows are live events, which must not wait; many rows are batches, while other
/// batches are under way.
pub(super) const WORTH_A_COPY: usize = 200;

/// Rows of one table, in the order of the columns that the statement names.
pub(super) struct Rows {
    columns: i16,
    bytes: Vec<u8>,
}

impl Rows {
    /// Starts without rows; each row will have `columns` columns.
    pub(super) fn of(columns: i16) -> Self {
        let bytes = [SIGNATURE, &REST_OF_HEADER].concat();
        Self { columns, bytes }
    }

    /// Begins a row. The caller then adds one value for each column.
    pub(super) fn begin(&mut self) -> &mut Self {
        self.bytes.extend(self.columns.to_be_bytes());
        self
    }

    pub(super) fn uuid(&mut self, value: Uuid) -> &mut Self {
        self.value(value.as_bytes())
    }

    pub(super) fn bigint(&mut self, value: Option<i64>) -> &mut Self {
        match value {
            Some(value) => self.value(&value.to_be_bytes()),
            None => self.null(),
        }
    }

    pub(super) fn integer(&mut self, value: i32) -> &mut Self {
        self.value(&value.to_be_bytes())
    }

    /// The text must not contain the character that Postgres cannot store; see [`super::text::text`].
    pub(super) fn text(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.value(value.as_bytes()),
            None => self.null(),
        }
    }

    /// Bytes that come in parts.
    pub(super) fn bytes<'p>(&mut self, parts: impl Iterator<Item = &'p [u8]>) -> &mut Self {
        let length = self.bytes.len();
        self.bytes.extend([0; 4]);
        let begin = self.bytes.len();
        parts.for_each(|part| self.bytes.extend_from_slice(part));
        let bytes = length_of(self.bytes.len() - begin);
        self.bytes[length..begin].copy_from_slice(&bytes);
        self
    }

    fn value(&mut self, value: &[u8]) -> &mut Self {
        self.bytes.extend(length_of(value.len()));
        self.bytes.extend_from_slice(value);
        self
    }

    fn null(&mut self) -> &mut Self {
        self.bytes.extend(NULL);
        self
    }

    /// Sends the rows. [`Failure::Moved`] if a row exists already: another process wrote it after this transaction
    /// read.
    pub(super) async fn write(mut self, db: &mut PgConnection, statement: &str) -> Result<(), Failure> {
        self.bytes.extend(END);
        match send(db, statement, &self.bytes).await.map_err(Failure::from) {
            Err(failure) if failure.code().as_deref() == Some(UNIQUE_VIOLATION) => Err(Failure::Moved),
            sent => sent,
        }
    }
}

/// Source: PostgreSQL's appendix A.
const UNIQUE_VIOLATION: &str = "23505";

async fn send(db: &mut PgConnection, statement: &str, bytes: &[u8]) -> Result<(), sqlx::error::Error> {
    let mut copy = db.copy_in_raw(statement).await?;
    copy.send(bytes).await?;
    copy.finish().await?;
    Ok(())
}

/// A value that is too long gets a wrong length, and the server refuses the row.
fn length_of(bytes: usize) -> [u8; 4] {
    i32::try_from(bytes).unwrap_or(i32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_written_as_the_documentation_says() {
        let mut rows = Rows::of(3);
        rows.begin().integer(7).text(Some("ü")).text(None);
        rows.begin().bigint(None).bytes([&b"ab"[..], b"c"].into_iter()).uuid(Uuid::nil());
        let expected: Vec<u8> = [
            &b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"[..],
            b"\0\x03\0\0\0\x04\0\0\0\x07\0\0\0\x02\xc3\xbc\xff\xff\xff\xff",
            b"\0\x03\xff\xff\xff\xff\0\0\0\x03abc\0\0\0\x10",
            &[0; 16],
        ]
        .concat();
        assert_eq!(rows.bytes, expected);
    }
}
