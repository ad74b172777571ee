//! What happened from minute to minute, as a table.

use std::io::Write;
use std::sync::Arc;

use ::parquet::basic::Repetition;
use ::parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use ::parquet::errors::Result as Written;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::{Type, TypePtr};
use wattmill_units::Seconds;

use super::{GROUP_ROWS, ParquetError, column, number, properties, text, unsigned};
use crate::serve::{ServedPoolRow, ServedRow, ServedServiceRow};

/// What a series is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeriesNames {
    /// Services, in the order of the rows'.
    pub services: Vec<String>,
    /// Pools likewise, each with the name of its site, if it has one.
    pub pools: Vec<(String, Option<String>)>,
}

/// A row of the table.
struct Record<'a> {
    of: &'static str,
    service: Option<&'a str>,
    pool: Option<&'a str>,
    site: Option<&'a str>,
    row: &'a ServedRow,
    requests: Option<&'a ServedServiceRow>,
    work: Option<&'a ServedPoolRow>,
}

/// Writes a time series as Parquet; gives `out` back and says how many rows there are.
///
/// For each interval there is a row `of` all, one of each service and one of each pool. Requests are
/// told of all and of services, in the interval in which they come or end; what replicas hold and do
/// is told of all and of pools. The rest is null, and so is what nothing is known of.
///
/// | column | unit, meaning |
/// | --- | --- |
/// | `of` | `all`, `service` or `pool` |
/// | `service`, `pool`, `site` | names |
/// | `from_s`, `until_s` | s from the start |
/// | `asked_requests` | requests that came |
/// | `finished_requests` | requests answered in full |
/// | `within_slo_requests` | of them, within both limits |
/// | `rejected_requests`, `shed_requests`, `lost_requests` | too long; sent away by a queue; replica gone |
/// | `attainment_fraction` | `within_slo_requests` over all that ended |
/// | `ttft_p50_ms`, `ttft_p90_ms`, `ttft_p99_ms` | time to first token of those answered, within 3 % |
/// | `tpot_p50_ms`, `tpot_p90_ms`, `tpot_p99_ms` | time per output token likewise |
/// | `input_tokens`, `output_tokens` | tokens of those answered |
/// | `ready_replicas` | replicas that take requests, at the end |
/// | `starting_replicas`, `draining_replicas` | replicas in these states, at the end |
/// | `repairing_replicas`, `site_lost_replicas` | likewise |
/// | `waiting_requests` | queue depth: requests that wait for a place in a batch, at the end |
/// | `running_sequences` | sequences in the batches, at the end |
/// | `batch_mean_sequences` | sequences decoding, mean over steps |
/// | `kv_used_fraction` | KV blocks in use at the end, over those of replicas that are on |
/// | `steps` | steps taken |
/// | `made_tokens` | output tokens made |
/// | `power_w` | mean power of accelerators |
/// | `energy_j` | their energy |
/// | `cost_usd` | energy of the facility and accelerators |
///
/// # Errors
/// If `out` cannot be written.
pub fn series_table<W: Write + Send>(
    out: W,
    names: &SeriesNames,
    rows: &[ServedRow],
) -> Result<(W, u64), ParquetError> {
    let mut file = SerializedFileWriter::new(out, schema()?, properties())?;
    let mut written = 0;
    let each = 1 + names.services.len() + names.pools.len();
    for rows in rows.chunks((GROUP_ROWS / each).max(1)) {
        let totals: Vec<ServedPoolRow> = rows.iter().map(ServedRow::of_all_pools).collect();
        let records: Vec<Record<'_>> =
            rows.iter().zip(&totals).flat_map(|(row, total)| records(names, row, total)).collect();
        let mut group = file.next_row_group()?;
        for (_, get) in TEXTS {
            let there = records.iter().map(|record| i16::from(get(record).is_some()));
            let (mut there, texts) = (there.collect(), records.iter().filter_map(get));
            let mut texts = texts.map(ByteArray::from).collect();
            column::<ByteArrayType, W>(&mut group, &mut texts, Some(&mut there))?;
        }
        for (_, get) in TIMES {
            let mut times = records.iter().map(|record| get(record).as_s()).collect();
            column::<DoubleType, W>(&mut group, &mut times, None)?;
        }
        for (_, get) in COUNTS {
            let mut there = records.iter().map(|record| i16::from(get(record).is_some())).collect();
            let counts = records.iter().filter_map(get);
            let mut counts = counts.map(u64::cast_signed).collect();
            column::<Int64Type, W>(&mut group, &mut counts, Some(&mut there))?;
        }
        for (_, get) in NUMBERS {
            let mut there = records.iter().map(|record| i16::from(get(record).is_some())).collect();
            let mut numbers = records.iter().filter_map(get).collect();
            column::<DoubleType, W>(&mut group, &mut numbers, Some(&mut there))?;
        }
        written += group.close()?.num_rows().cast_unsigned();
    }
    Ok((file.into_inner()?, written))
}

/// All, each service, each pool.
fn records<'a>(
    names: &'a SeriesNames,
    row: &'a ServedRow,
    total: &'a ServedPoolRow,
) -> Vec<Record<'a>> {
    let nothing = Record {
        of: "all",
        service: None,
        pool: None,
        site: None,
        row,
        requests: None,
        work: None,
    };
    let mut records = vec![Record { requests: Some(&row.all), work: Some(total), ..nothing }];
    for (name, service) in names.services.iter().zip(&row.services) {
        let (service_name, requests) = (Some(name.as_str()), Some(service));
        records.push(Record { of: "service", service: service_name, requests, ..nothing });
    }
    for ((name, site), pool) in names.pools.iter().zip(&row.pools) {
        let (pool_name, site) = (Some(name.as_str()), site.as_deref());
        records.push(Record { of: "pool", pool: pool_name, site, work: Some(pool), ..nothing });
    }
    records
}

type Get<T> = for<'r, 'a> fn(&'r Record<'a>) -> T;

type Text = for<'r, 'a> fn(&'r Record<'a>) -> Option<&'a str>;

const TEXTS: [(&str, Text); 4] = [
    ("of", |r| Some(r.of)),
    ("service", |r| r.service),
    ("pool", |r| r.pool),
    ("site", |r| r.site),
];

const TIMES: [(&str, Get<Seconds>); 2] = [("from_s", |r| r.row.from), ("until_s", |r| r.row.until)];

const COUNTS: [(&str, Get<Option<u64>>); 17] = [
    ("asked_requests", |r| Some(r.requests?.asked)),
    ("finished_requests", |r| Some(r.requests?.finished)),
    ("within_slo_requests", |r| Some(r.requests?.within)),
    ("rejected_requests", |r| Some(r.requests?.rejected)),
    ("shed_requests", |r| Some(r.requests?.shed)),
    ("lost_requests", |r| Some(r.requests?.lost)),
    ("input_tokens", |r| Some(r.requests?.input_tokens)),
    ("output_tokens", |r| Some(r.requests?.output_tokens)),
    ("ready_replicas", |r| Some(r.work?.ready.into())),
    ("starting_replicas", |r| Some(r.work?.turning[0].into())),
    ("draining_replicas", |r| Some(r.work?.turning[1].into())),
    ("repairing_replicas", |r| Some(r.work?.turning[2].into())),
    ("site_lost_replicas", |r| Some(r.work?.turning[3].into())),
    ("waiting_requests", |r| Some(r.work?.waiting)),
    ("running_sequences", |r| Some(r.work?.running)),
    ("steps", |r| Some(r.work?.steps)),
    ("made_tokens", |r| Some(r.work?.made_tokens)),
];

const NUMBERS: [(&str, Get<Option<f64>>); 12] = [
    ("attainment_fraction", |r| r.requests?.attainment()),
    ("ttft_p50_ms", |r| Some(r.requests?.ttft?[0].as_ms())),
    ("ttft_p90_ms", |r| Some(r.requests?.ttft?[1].as_ms())),
    ("ttft_p99_ms", |r| Some(r.requests?.ttft?[2].as_ms())),
    ("tpot_p50_ms", |r| Some(r.requests?.tpot?[0].as_ms())),
    ("tpot_p90_ms", |r| Some(r.requests?.tpot?[1].as_ms())),
    ("tpot_p99_ms", |r| Some(r.requests?.tpot?[2].as_ms())),
    ("batch_mean_sequences", |r| Some(r.work?.batch_mean())),
    ("kv_used_fraction", |r| r.work?.kv_used()),
    ("power_w", |r| Some(r.work?.power()?.as_watts())),
    ("energy_j", |r| Some(r.work?.energy?.as_joules())),
    ("cost_usd", |r| Some(r.work?.cost?.as_usd())),
];

fn schema() -> Written<TypePtr> {
    let mut fields = Vec::new();
    for (name, _) in TEXTS {
        fields.push(text(name)?);
    }
    for (name, _) in TIMES {
        fields.push(number(name, Repetition::REQUIRED)?);
    }
    for (name, _) in COUNTS {
        fields.push(unsigned(name, 64, Repetition::OPTIONAL)?);
    }
    for (name, _) in NUMBERS {
        fields.push(number(name, Repetition::OPTIONAL)?);
    }
    Type::group_type_builder("series").with_fields(fields).build().map(Arc::new)
}

#[cfg(test)]
mod tests {
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::{Field, Row};
    use bytes::Bytes;
    use expect_test::expect;

    use super::*;
    use crate::document::served;

    fn table(rows: &[ServedRow]) -> SerializedFileReader<Bytes> {
        let names = SeriesNames {
            services: vec!["chat".to_owned()],
            pools: vec![("all".to_owned(), Some("hall".to_owned()))],
        };
        let (bytes, written) = series_table(Vec::new(), &names, rows).unwrap();
        assert_eq!(written, 3 * rows.len() as u64);
        SerializedFileReader::new(Bytes::from(bytes)).unwrap()
    }

    fn told(row: &Row) -> String {
        let there = row.get_column_iter().filter(|(_, field)| **field != Field::Null);
        there.map(|(name, field)| format!("{name}={field}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_row_of_all_of_each_service_and_of_each_pool() {
        let rows = served().served.rows;
        let told: Vec<String> =
            table(&rows).get_row_iter(None).unwrap().map(|row| told(&row.unwrap())).collect();
        expect![[r#"
            of="all" from_s=0E0 until_s=60.0 asked_requests=3 finished_requests=1 within_slo_requests=1 rejected_requests=0 shed_requests=1 lost_requests=1 input_tokens=900 output_tokens=100 ready_replicas=2 starting_replicas=1 draining_replicas=0 repairing_replicas=0 site_lost_replicas=0 waiting_requests=1 running_sequences=3 steps=90 made_tokens=100 attainment_fraction=0.3333333333333333 ttft_p50_ms=400.0 ttft_p90_ms=900.0 ttft_p99_ms=1100.0 batch_mean_sequences=1.1 kv_used_fraction=0.25 power_w=900.0 energy_j=54000.0 cost_usd=0.5
            of="service" service="chat" from_s=0E0 until_s=60.0 asked_requests=3 finished_requests=1 within_slo_requests=1 rejected_requests=0 shed_requests=1 lost_requests=1 input_tokens=900 output_tokens=100 attainment_fraction=0.3333333333333333 ttft_p50_ms=400.0 ttft_p90_ms=900.0 ttft_p99_ms=1100.0
            of="pool" pool="all" site="hall" from_s=0E0 until_s=60.0 ready_replicas=2 starting_replicas=1 draining_replicas=0 repairing_replicas=0 site_lost_replicas=0 waiting_requests=1 running_sequences=3 steps=90 made_tokens=100 batch_mean_sequences=1.1 kv_used_fraction=0.25 power_w=900.0 energy_j=54000.0 cost_usd=0.5"#]].assert_eq(&told.join("\n"));
    }

    #[test]
    fn no_time_makes_an_empty_table() {
        let empty = table(&[]);
        assert_eq!(empty.metadata().file_metadata().num_rows(), 0);
        assert_eq!(empty.metadata().file_metadata().schema().get_fields().len(), 35);
    }

    #[test]
    fn many_rows_take_several_groups() {
        let rows = vec![served().served.rows.remove(0); 30_000];
        assert_eq!(table(&rows).num_row_groups(), 2);
    }
}
