//! InfluxDB's line protocol, in which BlueMind's services tell their metrics:
//! `measurement,tag=value,… field=value,… [time]`, with `,`, ` ` and `=` of names behind a backslash.

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// What is measured.
    pub measurement: String,
    /// Of what, as keys and values.
    pub tags: Vec<(String, String)>,
    /// The numbers among the fields.
    pub fields: Vec<(String, f64)>,
}

impl Point {
    /// Reads a line; `None` when it is a comment or none of a metric.
    pub fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        if line.starts_with('#') {
            return None;
        }
        let mut parts = split(line, ' ').into_iter();
        let (series, fields) = (parts.next()?, parts.next()?);
        let mut names = split(series, ',').into_iter();
        let measurement = plain(names.next().filter(|name| !name.is_empty())?);
        let pair = |text: &str| match split(text, '=').as_slice() {
            [key, value] => Some((plain(key), plain(value))),
            _ => None,
        };
        let number = |(key, value): (String, String)| {
            let digits = value.strip_suffix(['i', 'u']).unwrap_or(&value);
            let number: f64 = digits.parse().ok()?;
            number.is_finite().then_some((key, number))
        };
        let fields = split(fields, ',').into_iter().filter_map(pair).filter_map(number).collect();
        Some(Self { measurement, tags: names.filter_map(pair).collect(), fields })
    }

    /// The value of a tag.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The number of a field.
    pub fn field(&self, key: &str) -> Option<f64> {
        self.fields.iter().find(|(name, _)| name == key).map(|(_, value)| *value)
    }
}

/// The parts between separators that stand behind no backslash and in no quotes.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut is_escaped, mut is_quoted) = (false, false);
    text.split(move |c| {
        let is_end = c == separator && !is_escaped && !is_quoted;
        is_quoted ^= c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    })
    .collect()
}

/// The text without its backslashes.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(c) = letters.next() {
        plain.push(if c == '\\' { letters.next().unwrap_or(c) } else { c });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_measurement_tags_and_numbers() {
        let line =
            "bm-core.x\\ y,host=a\\,b,upstream=10.0.0.2 value=3i,mean=1.5,text=\"a b,c=1\",on=true 1562689636000000000";
        let point = Point::parse(line).unwrap();
        assert_eq!(
            (point.measurement.as_str(), point.tag("host"), point.tag("upstream")),
            ("bm-core.x y", Some("a,b"), Some("10.0.0.2"))
        );
        assert_eq!((point.field("value"), point.field("mean"), point.field("text")), (Some(3.0), Some(1.5), None));
        assert_eq!((point.fields.len(), point.tag("none")), (2, None));
    }

    #[test]
    fn what_is_no_line_is_none_and_odd_ones_are_read_as_far_as_they_go() {
        for text in ["", "#x value=1", "x", ",a=b value=1"] {
            assert_eq!(Point::parse(text), None, "{text}");
        }
        for text in ["x value=NaN", "x value=inf", "x value=", "x ,=,", "x\\", "x \\"] {
            assert!(Point::parse(text).is_none_or(|point| point.fields.is_empty()), "{text}");
        }
    }
}
