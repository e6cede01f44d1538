#![no_main]

use bm_preflight_fuzz::format::systemctl_show::{Unit, parse};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fn block(unit: &Unit) -> String {
    let time = unit
        .changed_at
        .map(|second| Timestamp::from_second(second).expect("a time").strftime("%a %F %T UTC").to_string());
    let time = time.unwrap_or_default();
    let condition = match unit.has_failed_condition {
        None => "",
        Some(true) => "ConditionResult=no\nConditionTimestampMonotonic=7\n",
        Some(false) => "ConditionResult=yes\nConditionTimestampMonotonic=7\n",
    };
    format!(
        "Id={}\nActiveState={}\nActiveEnterTimestamp={time}\nActiveExitTimestamp={time}\n\
         InactiveEnterTimestamp={time}\nInactiveExitTimestamp={time}\n{condition}\n",
        unit.id, unit.active_state
    )
}

fuzz_target!(|data: (&str, u32)| {
    let (text, second) = data;
    let units = parse(text);
    assert!(units.len() <= text.lines().count());
    assert_eq!(parse(&units.iter().map(block).collect::<String>()), units);
    let _ = parse(&format!("Id=a.service\nActiveState=active\nActiveEnterTimestamp=Mon {text} UTC\n"));
    for (active_state, failed) in [("active", None), ("inactive", Some(true)), ("activating", Some(false))] {
        let unit = Unit {
            id: "bm-core.service".to_owned(),
            active_state: active_state.to_owned(),
            changed_at: Some(second.into()),
            has_failed_condition: failed,
        };
        assert_eq!(parse(&block(&unit)), [unit]);
    }
});
