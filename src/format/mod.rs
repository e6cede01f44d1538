//! Pure readers of the formats that BlueMind's files have: bytes in, values or errors out, never a panic.

pub mod backup_generation;
pub mod bm_ini;
mod bytes;
pub mod cyrus_conf;
pub mod cyrus_db;
pub mod cyrus_header;
pub mod cyrus_index;
pub mod dlist;
pub mod dpkg_status;
pub mod flat;
pub mod greeting;
pub mod imapd_conf;
pub mod influx_answer;
pub mod login_log;
pub mod mailbox_name;
pub mod mailbox_record;
pub mod mounts;
pub mod mutf7;
pub mod package_source;
pub mod proc_net_tcp;
pub mod replication_log;
pub mod skiplist;
pub mod spool_path;
pub mod start_check;
pub mod systemctl_show;
pub mod twoskip;
pub mod unit_file;
