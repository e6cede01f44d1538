//! What ends a run before it is done: its time budget, or a signal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::Failure;
use crate::model::reason::Run;
use crate::model::{self, Lang};

/// Time for judging what was collected, whatever is left of the budget: it would have been collected in vain.
const GRACE: Duration = Duration::from_secs(5);
/// Pause between two looks while a collection waits for its servers.
const LOOK: Duration = Duration::from_millis(50);

/// The end of a run, which may come early. From the moment it is made the first signal ends the run, not the process.
#[derive(Clone)]
pub(super) struct Cut {
    started: Instant,
    budget: Option<Duration>,
    end: Option<Instant>,
    /// 0, or the signal that came.
    signal: Arc<AtomicUsize>,
    /// Whether one came since the run, or the judging, began.
    is_told: Arc<AtomicBool>,
}

/// Why a run ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// So much time was given.
    Budget(Duration),
    /// SIGINT, after so many seconds.
    Interrupted(u64),
    /// SIGTERM, SIGHUP or SIGQUIT, after so many seconds.
    Terminated(u64),
}

impl Cut {
    /// Begins a run that may take `budget`.
    pub(super) fn new(budget: Option<Duration>) -> Result<Self, Failure> {
        let (signal, is_told) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let fail = |error: std::io::Error| Failure::Tool(format!("signals: {error}"));
        // Who presses Ctrl-C after another signal does not wait for anything: in this order the first one only says so. No
        // other signal loses the report: a connection that is lost sends its own more than once.
        signal_hook::flag::register_conditional_default(SIGINT, Arc::clone(&is_told)).map_err(fail)?;
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT].into_iter().filter(|number| !is_ignored(*number)) {
            signal_hook::flag::register(number, Arc::clone(&is_told)).map_err(fail)?;
            signal_hook::flag::register_usize(number, Arc::clone(&signal), number.unsigned_abs() as usize)
                .map_err(fail)?;
        }
        let started = Instant::now();
        // A budget beyond what the clock can tell is none.
        let end = budget.and_then(|budget| started.checked_add(budget));
        Ok(Self { started, budget, end, signal, is_told })
    }

    /// A run that nothing ends but the end of the process.
    pub(super) fn never() -> Self {
        let (signal, is_told) = (Arc::default(), Arc::default());
        Self { started: Instant::now(), budget: None, end: None, signal, is_told }
    }

    /// Why the run is over, if it is.
    pub(super) fn reason(&self) -> Option<Reason> {
        let after = self.started.elapsed().as_secs();
        match i32::try_from(self.signal.load(Ordering::Relaxed)) {
            Ok(SIGINT) => return Some(Reason::Interrupted(after)),
            Ok(SIGTERM | SIGHUP | SIGQUIT) => return Some(Reason::Terminated(after)),
            _ => {}
        }
        let is_over = self.end.is_some_and(|end| Instant::now() >= end);
        self.budget.filter(|_| is_over).map(Reason::Budget)
    }

    /// What is left of the budget, if there is one.
    pub(super) fn left(&self) -> Option<Duration> {
        self.end.map(|end| end.saturating_duration_since(Instant::now()))
    }

    /// How many seconds the run has lasted.
    pub(super) fn elapsed_s(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    /// Waits until the run is over.
    pub(super) async fn wait(&self) -> Reason {
        loop {
            match self.reason() {
                Some(reason) => return reason,
                None => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// Lets the judging begin, with a moment of its own: what ended the collection (`ended`) does not end it as well.
    pub(super) fn begin_judging(&mut self, ended: Option<Reason>) {
        if ended.is_some() {
            self.signal.store(0, Ordering::Relaxed);
            self.is_told.store(false, Ordering::Relaxed);
        }
        self.end = self.end.map(|end| end.max(Instant::now() + GRACE));
    }
}

/// Whether a lost connection is not to end the run, as `nohup` has it.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    signal == SIGHUP && mask & (1 << (signal - 1)) != 0
}

impl From<Reason> for model::Reason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Budget(budget) => Run::BudgetSpent { budget: format!("{budget:?}") },
            Reason::Interrupted(seconds) => Run::Interrupted { seconds },
            Reason::Terminated(seconds) => Run::Terminated { seconds },
        }
        .into()
    }
}

impl Reason {
    /// In words.
    pub(super) fn text(self, lang: Lang) -> String {
        model::Reason::from(self).text(lang)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_ends_the_collection_and_leaves_a_moment_for_judging() {
        let mut cut = Cut::new(Some(Duration::from_millis(1))).unwrap();
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(cut.reason(), Some(Reason::Budget(Duration::from_millis(1))));
        cut.begin_judging(cut.reason());
        assert_eq!(cut.reason(), None);
        assert_eq!(Cut::new(None).unwrap().reason(), None);
        assert_eq!(Cut::new(Some(Duration::MAX)).unwrap().reason(), None);
    }
}
