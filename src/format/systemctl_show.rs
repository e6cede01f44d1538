//! The output of `systemctl show` for several units: blocks of `Property=value` with an empty line between them
//! (systemctl(1)).

/// What is known of a unit that systemd runs, or would run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Name with its type, such as `bm-core.service`.
    pub id: String,
    /// `ActiveState`, such as `active`.
    pub active_state: String,
}

/// The units of the output, in its order. Blocks without `Id` or `ActiveState` are left out.
pub fn parse(text: &str) -> Vec<Unit> {
    text.split("\n\n").filter_map(unit).collect()
}

fn unit(block: &str) -> Option<Unit> {
    let property = |name: &str| {
        let mut pairs = block.lines().filter_map(|line| line.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.trim().to_owned())
    };
    Some(Unit { id: property("Id")?, active_state: property("ActiveState")? })
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

    #[test]
    fn what_is_no_unit_is_left_out() {
        for text in ["", "\n\n\n", "Id=a.service\n\nActiveState=active\n", "nonsense"] {
            assert!(parse(text).is_empty(), "{text:?}");
        }
    }
}
