//! The tables that a server's own files fill: bm.ini, marker files, packages, file systems.

use crate::fact::{Column, ScopeKind, Table};

/// Keys of bm.ini that describe the installation; the password is none of them.
pub const BM_INI: Table = Table {
    name: "bm_ini",
    doc: "The keys of /etc/bm/bm.ini that describe the installation. The database password is never collected.",
    grain: "a key of a server's bm.ini",
    scope: ScopeKind::Server,
    columns: &[Column::text("key", "such as `host`").key(), Column::text("value", "its value, quotes stripped")],
};

/// Files in /etc/bm whose existence changes what BlueMind does.
pub const MARKER_FILE: Table = Table {
    name: "marker_file",
    doc: "The files in /etc/bm whose mere existence changes what BlueMind does: `*.disabled`, `non.blocking.checks` and their like.",
    grain: "a marker file of a server",
    scope: ScopeKind::Server,
    columns: &[Column::text("name", "file name, such as `bm-cyrus-imapd.disabled`").key()],
};

/// Installed packages of BlueMind.
pub const PACKAGE: Table = Table {
    name: "package",
    doc: "The installed packages whose name begins with `bm-` or `postgresql`, as dpkg's status file or rpm knows them.",
    grain: "an installed package of a server",
    scope: ScopeKind::Server,
    columns: &[
        Column::text("name", "name of the package").key(),
        Column::text("version", "version as the packager writes it, such as `4.1.43922-buster`"),
    ],
};

/// Mounted file systems.
pub const FILESYSTEM: Table = Table {
    name: "filesystem",
    doc: "The file systems that can hold BlueMind's data (/proc/self/mounts), without pseudo file systems.",
    grain: "a mount point of a server",
    scope: ScopeKind::Server,
    columns: &[
        Column::text("mount_point", "absolute path").key(),
        Column::text("type", "such as `ext4`"),
        Column::integer("size_bytes", "size, in bytes"),
        Column::integer("available_bytes", "free for unprivileged users, in bytes"),
    ],
};

/// What is read of each server.
pub const TABLES: &[&Table] = &[&BM_INI, &MARKER_FILE, &PACKAGE, &FILESYSTEM];
