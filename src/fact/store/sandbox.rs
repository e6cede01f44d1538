//! What a query from a stranger may do: read the facts, compute, and end in time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, Error};

use super::MEMORY;
use crate::fact::BEFORE;
use crate::format::mailbox_name;
use crate::model::{address, version};

/// Deterministic functions without side effects: SQLite's own, and ours.
const FUNCTIONS: &[&str] = &[
    "->",
    "->>",
    "abs",
    "avg",
    "ceil",
    "char",
    "coalesce",
    "concat",
    "concat_ws",
    "count",
    "cyrus_root",
    "dense_rank",
    "first_value",
    "floor",
    "format",
    "glob",
    "group_concat",
    "hex",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_object",
    "json_type",
    "json_valid",
    "lag",
    "last_value",
    "lead",
    "leads_home",
    "length",
    "like",
    "lower",
    "ltrim",
    "max",
    "min",
    "mod",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "percent_rank",
    "printf",
    "quote",
    "rank",
    "release_at_least",
    "release_of",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "string_agg",
    "substr",
    "substring",
    "sum",
    "total",
    "trim",
    "typeof",
    "unhex",
    "unicode",
    "upper",
    "version_cmp",
];

/// What the authorizer saw while a statement was prepared.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Columns that are read, each after its table or view; no name stands for a table of which none is.
    pub(super) read: std::collections::BTreeSet<(String, String)>,
    pub(super) denied: Vec<String>,
    /// Whether a view is being answered: the program's own SQL, which writes a temporary table.
    pub(super) is_answering: bool,
}

/// Shared with the authorizer callback of a connection.
pub(super) type SharedSeen = Arc<Mutex<Seen>>;

/// Whether nobody waits for an answer any more.
pub type IsOver = Arc<dyn Fn() -> bool + Send + Sync>;

/// What interrupts the running statement.
#[derive(Default)]
pub(super) struct Patience {
    /// How far [`processor_time`] may come.
    pub(super) end: Option<Duration>,
    pub(super) is_over: Option<IsOver>,
}

/// Shared with the progress handler of a connection.
pub(super) type SharedPatience = Arc<Mutex<Patience>>;

/// Instructions of SQLite's virtual machine between two looks at the deadline.
const STEPS_BETWEEN_LOOKS: i32 = 4_000;

/// Processor time that this thread has had. What a query waits for on a busy machine is none of its own.
pub(super) fn processor_time() -> Duration {
    let had = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(had.tv_sec.try_into().unwrap_or(0), had.tv_nsec.try_into().unwrap_or(0))
}

/// Locks down a connection; what it reads and what was refused ends up in the returned record.
pub(super) fn lock_down(connection: &mut Connection) -> Result<(SharedSeen, SharedPatience), Error> {
    register_functions(connection)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    // It counts for the whole process, and cannot be raised by a later one.
    connection.query_row(&format!("PRAGMA hard_heap_limit = {MEMORY}"), [], |_| Ok(()))?;
    for (option, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    ] {
        connection.set_db_config(option, on)?;
    }
    connection.pragma_update(None, "query_only", true)?;
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
        (Limit::SQLITE_LIMIT_LENGTH, 32_000_000),
        (Limit::SQLITE_LIMIT_COLUMN, 200),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 50),
        (Limit::SQLITE_LIMIT_VDBE_OP, 50_000),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 32),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 0),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, value)?;
    }
    let seen = SharedSeen::default();
    let record = Arc::clone(&seen);
    connection.authorizer(Some(move |context: AuthContext<'_>| authorize(&record, &context)))?;
    let patience = SharedPatience::default();
    let shared = Arc::clone(&patience);
    let is_at_end = move || {
        let patience = shared.lock().unwrap_or_else(PoisonError::into_inner);
        patience
            .end
            .is_some_and(|end| processor_time() > end || patience.is_over.as_ref().is_some_and(|is_over| is_over()))
    };
    connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(is_at_end))?;
    Ok((seen, patience))
}

fn authorize(record: &SharedSeen, context: &AuthContext<'_>) -> Authorization {
    let mut seen = record.lock().unwrap_or_else(PoisonError::into_inner);
    match &context.action {
        _ if seen.is_answering => Authorization::Allow,
        AuthAction::Select | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Read { table_name, column_name } if !table_name.starts_with("pragma_") => {
            // A table of the earlier snapshot is known by the view through which it is read.
            let prefix = if context.database_name == Some("before") { BEFORE } else { "" };
            seen.read.insert((format!("{prefix}{table_name}"), (*column_name).to_owned()));
            Authorization::Allow
        }
        AuthAction::Function { function_name } => {
            if FUNCTIONS.contains(&function_name.to_ascii_lowercase().as_str()) {
                return Authorization::Allow;
            }
            seen.denied.push(format!("the function {function_name}()"));
            Authorization::Deny
        }
        other => {
            seen.denied.push(describe(other));
            Authorization::Deny
        }
    }
}

fn describe(action: &AuthAction<'_>) -> String {
    let shown = format!("{action:?}");
    let verb = shown.split([' ', '{', '(']).next().unwrap_or_default();
    format!("{} (a check may only SELECT from facts tables)", verb.to_ascii_uppercase())
}

fn register_functions(connection: &Connection) -> Result<(), Error> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("version_cmp", 2, flags, |context| {
        let (left, right) = (context.get::<Option<String>>(0)?, context.get::<Option<String>>(1)?);
        Ok(left.zip(right).map(|(l, r)| version::compare(&l, &r) as i64))
    })?;
    connection.create_scalar_function("cyrus_root", 3, flags, |context| {
        let [domain, kind, name] = [0, 1, 2].map(|place| context.get_raw(place).as_str_or_null());
        let (Some(domain), Some(name)) = (domain?, name?) else { return Ok(None) };
        Ok(Some(mailbox_name::root_of_bluemind(domain, kind? == Some("user"), name)))
    })?;
    connection.create_scalar_function("leads_home", 1, flags, |context| {
        let told = context.get::<Option<String>>(0)?;
        Ok(told.and_then(|text| text.parse().ok()).map(address::leads_home))
    })?;
    connection.create_scalar_function("release_of", 1, flags, |context| {
        Ok(context.get::<Option<String>>(0)?.and_then(|build| version::release_of(&build)))
    })?;
    connection.create_scalar_function("release_at_least", 1, flags, |context| {
        Ok(context.get::<Option<String>>(0)?.and_then(|build| version::at_least(&build)))
    })
}
