//! The lines in which a BlueMind product tells the result of each of its start checks.
//!
//! `ProductChecks` of `net.bluemind.system.validation` (4.1 and later) writes, for each validator, one line that ends in
//! `Validator <name> : Valid: <true|false>, Message: <text>`.

/// The result of one validator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartCheck {
    /// Name of the validator.
    pub validator: String,
    /// Whether it was content.
    pub is_valid: bool,
    /// What it said.
    pub message: Option<String>,
}

/// Characters of a message that are kept.
const MESSAGE: usize = 500;

/// The last result of each validator in a log, in the order of their first lines.
pub fn parse(log: &str) -> Vec<StartCheck> {
    let mut checks: Vec<StartCheck> = Vec::new();
    for check in log.lines().filter_map(line) {
        match checks.iter_mut().find(|known| known.validator == check.validator) {
            Some(known) => *known = check,
            None => checks.push(check),
        }
    }
    checks
}

fn line(line: &str) -> Option<StartCheck> {
    let (_, rest) = line.split_once("Validator ")?;
    let (validator, rest) = rest.split_once(" : Valid: ")?;
    let (valid, message) = rest.split_once(", Message: ")?;
    let is_valid = match valid.trim() {
        "true" => true,
        "false" => false,
        _ => return None,
    };
    let message: String = message.trim().chars().take(MESSAGE).collect();
    let message = Some(message).filter(|text| !text.is_empty() && text != "null");
    Some(StartCheck { validator: validator.trim().chars().take(MESSAGE).collect(), is_valid, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_start_counts() {
        let log = "2020-01-01 10:00:00,000 [main] INFO n.b.s.v.ProductChecks - Validator Autodiscover : Valid: false, Message: none works\n\
                   2020-01-01 10:00:00,001 [main] INFO n.b.s.v.ProductChecks - Validator Other : Valid: true, Message: null\n\
                   noise Validator x : Valid: maybe, Message: y\nValidator : \n\
                   2020-01-02 10:00:00,000 [main] INFO n.b.s.v.ProductChecks - Validator Autodiscover : Valid: true, Message: \n";
        let of = |validator: &str, is_valid| StartCheck { validator: validator.into(), is_valid, message: None };
        assert_eq!(parse(log), [of("Autodiscover", true), of("Other", true)]);
        assert_eq!(parse(&log[..150])[0].message.as_deref(), Some("none works"));
    }
}
