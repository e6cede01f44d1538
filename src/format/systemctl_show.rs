//! The output of `systemctl show` for several units: blocks of `Property=value` with an empty line between them
//! (systemctl(1)).

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The properties that are read; systemd has had them since long before its version 219, the oldest that BlueMind 4 meets.
pub const PROPERTIES: &str = "Id,ActiveState,ActiveEnterTimestamp,ActiveExitTimestamp,InactiveEnterTimestamp,InactiveExitTimestamp,ConditionResult,ConditionTimestampMonotonic";

/// What is known of a unit that systemd runs, or would run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Name with its type, such as `bm-core.service`.
    pub id: String,
    /// `ActiveState`, such as `active`.
    pub active_state: String,
    /// When it came into that state, in seconds since the epoch.
    pub changed_at: Option<i64>,
    /// Whether the conditions of its file were not met when it was to be started last, so that it was not.
    pub has_failed_condition: Option<bool>,
}

/// The units of the output, in its order, its times in UTC. Blocks without `Id` or `ActiveState` are left out.
pub fn parse(text: &str) -> Vec<Unit> {
    text.split("\n\n").filter_map(unit).collect()
}

fn unit(block: &str) -> Option<Unit> {
    let property = |name: &str| {
        let mut pairs = block.lines().filter_map(|line| line.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.trim())
    };
    let active_state = property("ActiveState")?;
    // As `systemctl status` chooses the time that it calls `since`.
    let change = match active_state {
        "active" | "reloading" | "refreshing" => "ActiveEnterTimestamp",
        "inactive" | "failed" => "InactiveEnterTimestamp",
        "activating" => "InactiveExitTimestamp",
        _ => "ActiveExitTimestamp",
    };
    // Before the first start no condition was looked at, and the result is `no`.
    let is_judged = property("ConditionTimestampMonotonic").map(|time| time != "0");
    let is_unmet = property("ConditionResult").map(|result| result == "no");
    Some(Unit {
        id: property("Id")?.to_owned(),
        active_state: active_state.to_owned(),
        changed_at: property(change).and_then(time),
        has_failed_condition: is_judged.zip(is_unmet).map(|(is_judged, is_unmet)| is_judged && is_unmet),
    })
}

/// A time such as `Mon 2019-07-08 08:20:30 UTC`; what never was is empty, or `n/a`.
fn time(text: &str) -> Option<i64> {
    let (_, time) = text.strip_suffix(" UTC")?.split_once(' ')?;
    let time = DateTime::strptime("%Y-%m-%d %H:%M:%S", time).ok()?;
    Some(TimeZone::UTC.to_timestamp(time).ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_block_is_a_unit() {
        let text = "Id=bm-core.service\nActiveState=active\n\nActiveState=failed\nId=bm-mapi.service\n";
        let seen: Vec<_> = parse(text).into_iter().map(|unit| (unit.id, unit.active_state)).collect();
        let expected = [("bm-core.service", "active"), ("bm-mapi.service", "failed")];
        assert_eq!(seen, expected.map(|(id, state)| (id.to_owned(), state.to_owned())));
    }

    /// Properties in the order of systemd's own, which is not that of the question.
    const OF_219: &str = "\
Id=bm-core.service
ActiveState=active
InactiveExitTimestamp=Mon 2019-07-08 08:20:11 UTC
ActiveEnterTimestamp=Mon 2019-07-08 08:20:30 UTC
ActiveExitTimestamp=Mon 2019-07-08 08:19:58 UTC
InactiveEnterTimestamp=Mon 2019-07-08 08:20:10 UTC
ConditionResult=yes
ConditionTimestampMonotonic=7150310

Id=bm-cyrus-imapd.service
ActiveState=inactive
InactiveExitTimestamp=
ActiveEnterTimestamp=
ActiveExitTimestamp=
InactiveEnterTimestamp=
ConditionResult=no
ConditionTimestampMonotonic=7150922

Id=bm-xmpp.service
ActiveState=inactive
ConditionResult=no
ConditionTimestampMonotonic=0
";
    const OF_252: &str = "\
ActiveState=failed
InactiveExitTimestamp=Tue 2024-02-13 05:00:00 UTC
ActiveEnterTimestamp=n/a
ActiveExitTimestamp=n/a
InactiveEnterTimestamp=Tue 2024-02-13 05:00:07 UTC
ConditionTimestampMonotonic=61377482
ConditionResult=yes
Id=bm-mapi.service

ActiveState=activating
InactiveExitTimestamp=Tue 2024-02-13 05:00:00 UTC
ActiveEnterTimestamp=Mon 2024-02-12 05:00:00 UTC
ConditionTimestampMonotonic=61377482
ConditionResult=yes
Id=bm-eas.service

Id=bm-gone.service
ActiveState=inactive
";

    #[test]
    fn since_when_it_is_so_and_whether_a_condition_kept_it_from_starting_is_told_by_old_and_new_systemd() {
        let seen = |text| -> Vec<_> {
            parse(text).into_iter().map(|unit| (unit.id, unit.changed_at, unit.has_failed_condition)).collect()
        };
        let unit = |name: &str, changed_at, failed| (format!("{name}.service"), changed_at, failed);
        let of_219 = [
            unit("bm-core", Some(1_562_574_030), Some(false)),
            unit("bm-cyrus-imapd", None, Some(true)),
            unit("bm-xmpp", None, Some(false)),
        ];
        assert_eq!(seen(OF_219), of_219);
        let of_252 = [
            unit("bm-mapi", Some(1_707_800_407), Some(false)),
            unit("bm-eas", Some(1_707_800_400), Some(false)),
            unit("bm-gone", None, None),
        ];
        assert_eq!(seen(OF_252), of_252);
    }

    #[test]
    fn a_time_that_is_none_or_elsewhere_is_not_known() {
        for text in [
            "",
            "n/a",
            "UTC",
            "Mon UTC",
            "Mon 2019-07-08 08:20:30 CEST",
            "lun. 2019-07-08 08:20:30 UTCx",
            "Mon 2019-13-08 08:20:30 UTC",
        ] {
            assert_eq!(time(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_unit_is_left_out() {
        for text in ["", "\n\n\n", "Id=a.service\n\nActiveState=active\n", "nonsense"] {
            assert!(parse(text).is_empty(), "{text:?}");
        }
    }
}
