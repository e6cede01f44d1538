//! What InfluxDB 1.x answers to a request to `/query` (InfluxDB 1.6, API reference: `results`, `series`, `columns`,
//! `values`, and `error` in place of any of them).

use std::collections::BTreeMap;

use serde::Deserialize;

/// Values over time that have the same tags.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What the values are about, as keys and values.
    pub tags: BTreeMap<String, String>,
    /// Time, in the unit that was asked for, and value; those without a value are left out.
    pub points: Vec<(i64, f64)>,
}

/// Reads the series of a statement that asked, alone, for one value called `value`: of several, InfluxDB 1.6 says "not
/// executed" in place of what is wrong. The error is what it says, or why the answer is none.
pub fn parse(bytes: &[u8]) -> Result<Vec<Series>, String> {
    let answer: RawAnswer = serde_json::from_slice(bytes).map_err(|error| format!("no answer of InfluxDB: {error}"))?;
    match (answer.error, answer.results) {
        (Some(error), _) => Err(error),
        (None, Some(results)) => {
            let [result] = <[RawResult; 1]>::try_from(results)
                .map_err(|results| format!("no answer of InfluxDB: {} results for one question", results.len()))?;
            statement(result)
        }
        (None, None) => Err("no answer of InfluxDB: neither results nor an error".to_owned()),
    }
}

#[derive(Deserialize)]
struct RawAnswer {
    results: Option<Vec<RawResult>>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct RawResult {
    #[serde(default)]
    series: Vec<RawSeries>,
    error: Option<String>,
    #[serde(default)]
    partial: bool,
}

#[derive(Deserialize)]
struct RawSeries {
    #[serde(default)]
    tags: BTreeMap<String, String>,
    columns: Vec<String>,
    #[serde(default)]
    values: Vec<(i64, Option<f64>)>,
    #[serde(default)]
    partial: bool,
}

/// The series of a statement. What InfluxDB cuts off at a limit of its own (`max-row-limit`) is not taken for all.
fn statement(result: RawResult) -> Result<Vec<Series>, String> {
    if let Some(error) = result.error {
        return Err(error);
    }
    if result.partial || result.series.iter().any(|series| series.partial) {
        return Err("InfluxDB gives only a part of what was asked for (max-row-limit)".to_owned());
    }
    result.series.into_iter().map(series).collect()
}

fn series(raw: RawSeries) -> Result<Series, String> {
    if raw.columns != ["time", "value"] {
        return Err(format!("no answer of InfluxDB: {} columns in place of time and value", raw.columns.len()));
    }
    let points = raw.values.into_iter().filter_map(|(time, value)| Some((time, value?))).collect();
    Ok(Series { tags: raw.tags, points })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_have_tags_and_values() {
        // As InfluxDB 1.6.7 answers.
        let answer = br#"{"results":[{"statement_id":0,"series":[
            {"name":"a","columns":["time","value"],"values":[[3600,2],[7200,null]]},
            {"name":"a","tags":{"upstream":"192.0.2.21"},"columns":["time","value"],"values":[[3600,4.5]]}]}]}"#;
        let tagged = BTreeMap::from([("upstream".to_owned(), "192.0.2.21".to_owned())]);
        let expected = [
            Series { tags: BTreeMap::new(), points: vec![(3_600, 2.0)] },
            Series { tags: tagged, points: vec![(3_600, 4.5)] },
        ];
        assert_eq!(parse(answer).unwrap(), expected);
        assert_eq!(parse(br#"{"results":[{"statement_id":0}]}"#), Ok(Vec::new()));
    }

    #[test]
    fn what_influxdb_refuses_is_told() {
        for (answer, reason) in [
            (&br#"{"results":[{"statement_id":0,"error":"database not found: telegraf"}]}"#[..], "database not found"),
            (br#"{"error":"unable to parse authentication credentials"}"#, "authentication credentials"),
            (br#"{"results":[{"series":[{"columns":["time","value"],"values":[],"partial":true}]}]}"#, "max-row-limit"),
            (br#"{"results":[{"partial":true}]}"#, "max-row-limit"),
            (br#"{"results":[{"series":[{"columns":["time","a","b"],"values":[]}]}]}"#, "3 columns"),
            (br#"{"results":[{"series":[{"columns":["time","value"],"values":[["x",1]]}]}]}"#, "no answer of InfluxDB"),
            (br#"{"results":[{},{}]}"#, "2 results for one question"),
            (b"{}", "neither results nor an error"),
            (b"<html>", "no answer of InfluxDB"),
            (b"", "no answer of InfluxDB"),
        ] {
            let told = parse(answer).unwrap_err();
            assert!(told.contains(reason), "{told}");
        }
    }
}
