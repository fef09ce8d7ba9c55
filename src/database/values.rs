//! Values on their way into and out of both engines.

use super::{Error, Result};
use crate::clock::Timestamp;
use rusqlite::types as lite;
use tokio_postgres::types as pg;

/// Something a statement can be given: text, whole numbers, yes or no, times, and any of them absent.
pub trait Param: lite::ToSql + pg::ToSql + Sync + Send {}
impl<T: lite::ToSql + pg::ToSql + Sync + Send> Param for T {}

pub type Params<'a> = &'a [&'a (dyn Param + 'a)];

/// Something a row can hold.
pub trait Field: lite::FromSql + for<'a> pg::FromSql<'a> {}
impl<T: lite::FromSql + for<'a> pg::FromSql<'a>> Field for T {}

/// One row of an answer.
pub enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl Row<'_> {
    /// The column at `place`, counted from 0.
    ///
    /// # Errors
    /// When there is no such column or it holds something else.
    pub fn get<T: Field>(&self, place: usize) -> Result<T> {
        match self {
            Row::Sqlite(row) => row.get(place).map_err(|error| Error::Broken(error.to_string())),
            Row::Postgres(row) => row.try_get(place).map_err(|error| Error::Broken(error.to_string())),
        }
    }
}

/// Something that is made from a row.
pub trait FromRow: Sized {
    /// # Errors
    /// When the row does not hold what is expected.
    fn from_row(row: &Row<'_>) -> Result<Self>;
}

macro_rules! rows_of {
    ($($name:ident $place:tt),+) => {
        impl<$($name: Field),+> FromRow for ($($name,)+) {
            fn from_row(row: &Row<'_>) -> Result<Self> {
                Ok(($(row.get::<$name>($place)?,)+))
            }
        }
    };
}
rows_of!(A 0);
rows_of!(A 0, B 1);
rows_of!(A 0, B 1, C 2);
rows_of!(A 0, B 1, C 2, D 3);
rows_of!(A 0, B 1, C 2, D 3, E 4);
rows_of!(A 0, B 1, C 2, D 3, E 4, F 5);
rows_of!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
rows_of!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

impl lite::ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<lite::ToSqlOutput<'_>> {
        Ok(lite::ToSqlOutput::from(self.as_milliseconds()))
    }
}

impl lite::FromSql for Timestamp {
    fn column_result(value: lite::ValueRef<'_>) -> lite::FromSqlResult<Self> {
        i64::column_result(value).map(Timestamp::from_milliseconds)
    }
}

impl pg::ToSql for Timestamp {
    fn to_sql(
        &self,
        kind: &pg::Type,
        out: &mut tokio_postgres::types::private::BytesMut,
    ) -> std::result::Result<pg::IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.as_milliseconds().to_sql(kind, out)
    }
    fn accepts(kind: &pg::Type) -> bool {
        <i64 as pg::ToSql>::accepts(kind)
    }
    pg::to_sql_checked!();
}

impl<'a> pg::FromSql<'a> for Timestamp {
    fn from_sql(
        kind: &pg::Type,
        raw: &'a [u8],
    ) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        <i64 as pg::FromSql>::from_sql(kind, raw).map(Timestamp::from_milliseconds)
    }
    fn accepts(kind: &pg::Type) -> bool {
        <i64 as pg::FromSql>::accepts(kind)
    }
}
