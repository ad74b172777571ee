//! A table of requests, one row each.

use std::io::Write;
use std::sync::Arc;

use ::parquet::basic::Repetition;
use ::parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use ::parquet::errors::Result as Written;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::{Type, TypePtr};

use super::{GROUP_ROWS, ParquetError, column, properties, text, unsigned};

/// What the numbers of rows stand for. A number without a name is null in the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestNames {
    /// Services.
    pub services: Vec<String>,
    /// Regions.
    pub regions: Vec<String>,
    /// Pools, each with the name of its site.
    pub pools: Vec<(String, String)>,
}

/// One simulated request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestRow {
    /// Its place in the trace, from 0.
    pub id: u64,
    /// Its service, by its place among the names.
    pub service: u16,
    /// The region it came from, likewise.
    pub region: u16,
    /// The pool that finished it, likewise.
    pub pool: u16,
    /// Which replica served it, from 0.
    pub replica: u32,
    /// Arrival, in nanoseconds from the start.
    pub arrival_ns: u64,
    /// Tokens of the prompt.
    pub input_tokens: u32,
    /// Tokens of the answer.
    pub output_tokens: u32,
    /// When the first token of the answer was there, in nanoseconds from the start.
    pub first_token_ns: u64,
    /// When the last one was, in nanoseconds from the start.
    pub finish_ns: u64,
    /// How often it lost its cache and was computed again.
    pub preemptions: u32,
    /// Prompt tokens that were found in the prefix cache.
    pub cached_tokens: u32,
    /// How often it was sent again because its replica or site was lost.
    pub resends: u8,
}

impl RequestRow {
    /// Time to the first token, in nanoseconds.
    pub const fn ttft_ns(&self) -> u64 {
        self.first_token_ns.saturating_sub(self.arrival_ns)
    }

    /// Time per output token after the first, in nanoseconds to the nearest; none if there is only
    /// one token.
    pub const fn tpot_ns(&self) -> Option<u64> {
        let rest = self.output_tokens.saturating_sub(1) as u64;
        if rest == 0 {
            return None;
        }
        let span = self.finish_ns.saturating_sub(self.first_token_ns);
        Some(span / rest + (span % rest >= rest.div_ceil(2)) as u64)
    }

    /// Time from arrival to the last token, in nanoseconds.
    pub const fn e2e_ns(&self) -> u64 {
        self.finish_ns.saturating_sub(self.arrival_ns)
    }
}

/// Writes requests as Parquet, row by row.
///
/// The columns: unsigned integers `request`, `replica`, `arrival_ns`, `input_tokens`,
/// `output_tokens`, `ttft_ns` (arrival to first token), `tpot_ns` (between tokens after the first;
/// null if there is one only), `e2e_ns` (arrival to last token), `preemptions`, `cached_tokens` (of the
/// prompt) and `sent_again`; texts `service`, `region`, `pool` (which finished it) and `site` (of that
/// pool), null where there is none of the kind. Snappy pages in groups of 65,536 rows; memory holds
/// one group, however many there are. The same rows give the same bytes.
pub struct RequestWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    group: Group,
    services: Vec<ByteArray>,
    regions: Vec<ByteArray>,
    pools: Vec<[ByteArray; 2]>,
    written: u64,
}

impl<W: Write + Send> RequestWriter<W> {
    /// Starts a table in `out`.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn new(out: W, names: &RequestNames) -> Result<Self, ParquetError> {
        let file = SerializedFileWriter::new(out, schema()?, properties())?;
        let named = |names: &[String]| names.iter().map(|name| ByteArray::from(&**name)).collect();
        let pools = names.pools.iter();
        let pools = pools.map(|(pool, site)| [ByteArray::from(&**pool), ByteArray::from(&**site)]);
        Ok(Self {
            file,
            group: Group::default(),
            services: named(&names.services),
            regions: named(&names.regions),
            pools: pools.collect(),
            written: 0,
        })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn write(&mut self, row: &RequestRow) -> Result<(), ParquetError> {
        self.group.push(row);
        self.group.service.push(self.services.get(usize::from(row.service)));
        self.group.region.push(self.regions.get(usize::from(row.region)));
        let pool = self.pools.get(usize::from(row.pool));
        self.group.pool.push(pool.map(|[pool, _]| pool));
        self.group.site.push(pool.map(|[_, site]| site));
        if self.group.request.len() == GROUP_ROWS {
            self.written += self.group.flush(&mut self.file)?;
        }
        Ok(())
    }

    /// Ends the table; gives `out` back and says how many rows there are.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn finish(mut self) -> Result<(W, u64), ParquetError> {
        if !self.group.request.is_empty() {
            self.written += self.group.flush(&mut self.file)?;
        }
        Ok((self.file.into_inner()?, self.written))
    }
}

/// Columns of a row group. Parquet stores unsigned integers in the signed ones of the same width.
#[derive(Default)]
struct Group {
    request: Vec<i64>,
    replica: Vec<i32>,
    arrival_ns: Vec<i64>,
    input_tokens: Vec<i32>,
    output_tokens: Vec<i32>,
    ttft_ns: Vec<i64>,
    /// Those there are; `tpot_there` says of which rows.
    tpot_ns: Vec<i64>,
    tpot_there: Vec<i16>,
    e2e_ns: Vec<i64>,
    preemptions: Vec<i32>,
    cached_tokens: Vec<i32>,
    sent_again: Vec<i32>,
    service: Names,
    region: Names,
    pool: Names,
    site: Names,
}

/// Names of rows that have one.
#[derive(Default)]
struct Names {
    names: Vec<ByteArray>,
    there: Vec<i16>,
}

impl Names {
    fn push(&mut self, name: Option<&ByteArray>) {
        self.there.push(i16::from(name.is_some()));
        self.names.extend(name.cloned());
    }
}

impl Group {
    fn push(&mut self, row: &RequestRow) {
        self.request.push(row.id.cast_signed());
        self.replica.push(row.replica.cast_signed());
        self.arrival_ns.push(row.arrival_ns.cast_signed());
        self.input_tokens.push(row.input_tokens.cast_signed());
        self.output_tokens.push(row.output_tokens.cast_signed());
        self.ttft_ns.push(row.ttft_ns().cast_signed());
        self.tpot_ns.extend(row.tpot_ns().map(u64::cast_signed));
        self.tpot_there.push(i16::from(row.tpot_ns().is_some()));
        self.e2e_ns.push(row.e2e_ns().cast_signed());
        self.preemptions.push(row.preemptions.cast_signed());
        self.cached_tokens.push(row.cached_tokens.cast_signed());
        self.sent_again.push(i32::from(row.resends));
    }

    fn flush<W: Write + Send>(&mut self, file: &mut SerializedFileWriter<W>) -> Written<u64> {
        let mut group = file.next_row_group()?;
        column::<Int64Type, W>(&mut group, &mut self.request, None)?;
        column::<Int32Type, W>(&mut group, &mut self.replica, None)?;
        column::<Int64Type, W>(&mut group, &mut self.arrival_ns, None)?;
        column::<Int32Type, W>(&mut group, &mut self.input_tokens, None)?;
        column::<Int32Type, W>(&mut group, &mut self.output_tokens, None)?;
        column::<Int64Type, W>(&mut group, &mut self.ttft_ns, None)?;
        column::<Int64Type, W>(&mut group, &mut self.tpot_ns, Some(&mut self.tpot_there))?;
        column::<Int64Type, W>(&mut group, &mut self.e2e_ns, None)?;
        column::<Int32Type, W>(&mut group, &mut self.preemptions, None)?;
        column::<Int32Type, W>(&mut group, &mut self.cached_tokens, None)?;
        column::<Int32Type, W>(&mut group, &mut self.sent_again, None)?;
        for names in [&mut self.service, &mut self.region, &mut self.pool, &mut self.site] {
            column::<ByteArrayType, W>(&mut group, &mut names.names, Some(&mut names.there))?;
        }
        Ok(group.close()?.num_rows().cast_unsigned())
    }
}

fn schema() -> Written<TypePtr> {
    let int32 = |name| unsigned(name, 32, Repetition::REQUIRED);
    let int64 = |name| unsigned(name, 64, Repetition::REQUIRED);
    let fields = vec![
        int64("request")?,
        int32("replica")?,
        int64("arrival_ns")?,
        int32("input_tokens")?,
        int32("output_tokens")?,
        int64("ttft_ns")?,
        unsigned("tpot_ns", 64, Repetition::OPTIONAL)?,
        int64("e2e_ns")?,
        int32("preemptions")?,
        int32("cached_tokens")?,
        int32("sent_again")?,
        text("service")?,
        text("region")?,
        text("pool")?,
        text("site")?,
    ];
    Type::group_type_builder("requests").with_fields(fields).build().map(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::RowAccessor;
    use bytes::Bytes;

    fn row(id: u64) -> RequestRow {
        RequestRow {
            id,
            service: (id % 2) as u16,
            region: 3,
            pool: (id % 3) as u16,
            replica: (id % 7) as u32,
            arrival_ns: id * 1_000,
            input_tokens: 1 + (id % 100) as u32,
            output_tokens: 1 + (id % 3) as u32,
            first_token_ns: id * 1_000 + 500,
            finish_ns: id * 1_000 + 501,
            preemptions: u32::from(id == 3),
            cached_tokens: (id % 11) as u32,
            resends: (id % 5) as u8,
        }
    }

    /// Two services, two pools, no region.
    fn names() -> RequestNames {
        let pool = |name: &str| (name.to_owned(), "hall".to_owned());
        RequestNames {
            services: vec!["chat".to_owned(), "batch".to_owned()],
            regions: Vec::new(),
            pools: vec![pool("a"), pool("b")],
        }
    }

    fn write_all<W: Write + Send>(
        out: W,
        rows: &mut dyn Iterator<Item = RequestRow>,
    ) -> Result<(W, u64), ParquetError> {
        let mut writer = RequestWriter::new(out, &names())?;
        for row in rows {
            writer.write(&row)?;
        }
        writer.finish()
    }

    fn written(rows: &mut dyn Iterator<Item = RequestRow>) -> (u64, Bytes) {
        let (out, count) = write_all(Vec::new(), rows).unwrap();
        (count, Bytes::from(out))
    }

    #[test]
    fn what_is_written_is_read() {
        let count = 2 * GROUP_ROWS as u64 + 5;
        let (written, bytes) = written(&mut (0..count).map(row));
        assert_eq!(written, count);
        let reader = SerializedFileReader::new(bytes).unwrap();
        assert_eq!(reader.num_row_groups(), 3);
        let meta = reader.metadata().file_metadata();
        let names: Vec<_> =
            meta.schema_descr().columns().iter().map(|c| c.name().to_owned()).collect();
        assert_eq!(
            names.join(","),
            "request,replica,arrival_ns,input_tokens,output_tokens,ttft_ns,tpot_ns,e2e_ns,preemptions,\
             cached_tokens,sent_again,service,region,pool,site"
        );
        let mut next = 0;
        for read in reader.get_row_iter(None).unwrap() {
            let (read, expected) = (read.unwrap(), row(next));
            assert_eq!(read.get_ulong(0).unwrap(), expected.id);
            assert_eq!(read.get_uint(1).unwrap(), expected.replica);
            assert_eq!(read.get_ulong(2).unwrap(), expected.arrival_ns);
            assert_eq!(read.get_uint(3).unwrap(), expected.input_tokens);
            assert_eq!(read.get_uint(4).unwrap(), expected.output_tokens);
            assert_eq!(read.get_ulong(5).unwrap(), 500);
            assert_eq!(read.get_ulong(6).ok(), [None, Some(1), Some(1)][next as usize % 3]);
            assert_eq!(read.get_ulong(7).unwrap(), 501);
            assert_eq!(read.get_uint(8).unwrap(), expected.preemptions);
            assert_eq!(read.get_uint(9).unwrap(), expected.cached_tokens);
            assert_eq!(read.get_uint(10).unwrap(), u32::from(expected.resends));
            let service = ["chat", "batch"][next as usize % 2];
            assert_eq!(read.get_string(11).unwrap(), service);
            assert!(read.get_string(12).is_err(), "no region has a name");
            let pool = [Some("a"), Some("b"), None][next as usize % 3];
            assert_eq!(read.get_string(13).ok().map(String::as_str), pool);
            assert_eq!(read.get_string(14).ok().map(String::as_str), pool.map(|_| "hall"));
            next += 1;
        }
        assert_eq!(next, count);
    }

    #[test]
    fn the_largest_numbers_survive() {
        let most = RequestRow {
            id: u64::MAX,
            service: u16::MAX,
            region: u16::MAX,
            pool: u16::MAX,
            replica: u32::MAX,
            arrival_ns: 0,
            input_tokens: u32::MAX,
            output_tokens: 2,
            first_token_ns: 0,
            finish_ns: u64::MAX,
            preemptions: u32::MAX,
            cached_tokens: u32::MAX,
            resends: u8::MAX,
        };
        let (_, bytes) = written(&mut std::iter::once(most));
        let reader = SerializedFileReader::new(bytes).unwrap();
        let read = reader.get_row_iter(None).unwrap().next().unwrap().unwrap();
        assert_eq!((read.get_ulong(0).unwrap(), read.get_uint(3).unwrap()), (u64::MAX, u32::MAX));
        assert_eq!((read.get_ulong(6).unwrap(), read.get_ulong(7).unwrap()), (u64::MAX, u64::MAX));
    }

    #[test]
    fn no_requests_make_an_empty_table() {
        let (count, bytes) = written(&mut std::iter::empty());
        assert_eq!(count, 0);
        let reader = SerializedFileReader::new(bytes).unwrap();
        assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
        assert_eq!(reader.metadata().file_metadata().schema().get_fields().len(), 15);
    }

    #[test]
    fn the_same_rows_give_the_same_bytes() {
        assert_eq!(written(&mut (0..1000).map(row)).1, written(&mut (0..1000).map(row)).1);
    }

    #[test]
    fn a_full_disk_is_told() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("no space left"))
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let error = write_all(Full, &mut (0..10).map(row)).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("no space left"), "{error}");
    }
}
