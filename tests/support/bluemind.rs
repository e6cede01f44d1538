//! Simulated installations: their databases made from the stories in `fixtures/installations/`, and their files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use assert_cmd::Command;
use jiff::Timestamp;
use serde::Deserialize;

use super::facts_file::folder;
use super::influx::{Influx, Telegraf};
use super::network::Network;
use super::postgres::{Cluster, PASSWORD};

/// The scope of the database `bj`; shards go by their server's uid.
pub(crate) const DIRECTORY: &str = "directory";

/// Options of a run on collected facts: those of a copy of files do not tell how full its disks are.
pub(crate) const ANY_DISK: [&str; 2] = ["--skip", "*_space_insufficient"];

/// Tables whose estimated rows are facts: analysed, so that the estimates are there and exact.
const ANALYSED: &str =
    "ANALYZE t_message_body, t_mailbox_record, t_container_item, t_container_changelog, t_container_changeset";

/// The content of a `story.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Story {
    /// Name of its folder.
    #[serde(skip)]
    pub(crate) name: String,
    /// What is told, in one sentence.
    pub(crate) title: String,
    /// The installation it begins from.
    pub(crate) base: Option<String>,
    /// BlueMind release of the database schema; that of the base when left out.
    pub(crate) schema: Option<String>,
    /// Release that the upgrade goes to, when it is not the default.
    pub(crate) to: Option<String>,
    /// Told by the sizes that its `facts.toml` chooses: collected on this machine, nothing fires.
    #[serde(default)]
    pub(crate) only_as_facts: bool,
    /// The checks that have findings on it; every other one has none.
    pub(crate) fires: BTreeSet<String>,
    /// Files of its base that it does not have, by their place in the story's folder.
    #[serde(default)]
    pub(crate) gone: Vec<String>,
    /// Files that were last written a while ago, such as `"3h"`, or at a certain time, by their place in the story's folder.
    #[serde(default)]
    pub(crate) aged: BTreeMap<String, String>,
    /// What bm-tick knows, where the story has it.
    pub(crate) telegraf: Option<Telegraf>,
}

impl Story {
    /// Reads the story of that name.
    pub(crate) fn read(name: &str) -> Self {
        let path = folder(name).join("story.toml");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let story: Self = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self { name: name.to_owned(), ..story }
    }

    /// Every story there is, by name.
    pub(crate) fn all() -> Vec<Self> {
        let entries = std::fs::read_dir(folder("")).expect("fixtures/installations exists");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("a readable folder"))
            .filter(|entry| entry.path().join("story.toml").is_file())
            .map(|entry| entry.file_name().into_string().expect("a story's name is UTF-8"))
            .collect();
        names.sort();
        names.iter().map(|name| Self::read(name)).collect()
    }

    /// The folder of the story.
    pub(crate) fn folder(&self) -> PathBuf {
        folder(&self.name)
    }

    /// The stories it is built from: its base's first, itself last.
    fn chain(&self) -> Vec<Self> {
        let mut chain = self.base.as_ref().map(|base| Self::read(base).chain()).unwrap_or_default();
        chain.push(self.clone());
        chain
    }
}

/// An installation that a run can be pointed at: databases in a cluster, files and configuration in a directory.
#[derive(Debug)]
pub(crate) struct Installation<'c> {
    cluster: &'c Cluster,
    story: Story,
    /// Name of the database by scope.
    databases: BTreeMap<String, String>,
    /// More text for the configuration.
    pub(crate) more_config: String,
    /// URLs that replace those of the databases, by scope.
    pub(crate) urls: BTreeMap<String, String>,
    work: tempfile::TempDir,
    /// The InfluxDB of the story, where it has one.
    pub(crate) influx: Option<Influx>,
}

impl Installation<'static> {
    /// Builds the installation of that name in the shared cluster, apart from every other one.
    pub(crate) fn build(name: &str) -> Self {
        Self::build_in(Cluster::shared(), name)
    }
}

impl<'c> Installation<'c> {
    /// Builds the installation of that name in a cluster.
    pub(crate) fn build_in(cluster: &'c Cluster, name: &str) -> Self {
        static BUILT: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("{name}-{}.", BUILT.fetch_add(1, Ordering::Relaxed));
        let story = Story::read(name);
        let chain = story.chain();
        let schema = chain.iter().rev().find_map(|s| s.schema.clone()).expect("a base names its schema");
        let (template, upgrades) = schema_of(&schema);
        let template = template_of(cluster, template);
        let mut databases = BTreeMap::new();
        for (scope, files) in scripts(&chain) {
            let database = match scope.as_str() {
                DIRECTORY => format!("{prefix}bj"),
                uid => format!("{prefix}bj-data.{uid}"),
            };
            cluster.create_database(&database, &format!("TEMPLATE \"{template}\""));
            cluster.load(&database, &files);
            cluster.query(&database, ANALYSED);
            cluster.load(&database, &upgrades);
            databases.insert(scope, database);
        }
        let work = tempfile::tempdir().expect("a temporary directory");
        for story in &chain {
            copy_roots(&story.folder(), work.path());
            for path in &story.gone {
                let place = work.path().join(path);
                let removed = if place.is_dir() { std::fs::remove_dir_all(place) } else { std::fs::remove_file(place) };
                removed.unwrap_or_else(|e| panic!("{path}: {e}"));
            }
        }
        render_times(work.path());
        for (path, age) in chain.iter().flat_map(|story| &story.aged) {
            let file = std::fs::File::options().write(true).open(work.path().join(path));
            let file = file.unwrap_or_else(|e| panic!("{path}: {e}"));
            file.set_modified(written(age)).expect("times can be set");
        }
        set_passwords(work.path());
        let telegraf = chain.iter().rev().find_map(|story| story.telegraf.as_ref());
        let influx = telegraf.map(Influx::telling);
        Self { cluster, story, databases, more_config: String::new(), urls: BTreeMap::new(), work, influx }
    }

    /// The story it was built from.
    pub(crate) fn story(&self) -> &Story {
        &self.story
    }

    /// Uids of the servers that have a shard.
    pub(crate) fn shards(&self) -> Vec<&str> {
        self.databases.keys().map(String::as_str).filter(|scope| *scope != DIRECTORY).collect()
    }

    /// Name of the database of a scope.
    pub(crate) fn database(&self, scope: &str) -> &str {
        self.databases.get(scope).unwrap_or_else(|| panic!("{} has no database {scope}", self.story.name))
    }

    /// Runs SQL in the database of a scope, as BlueMind's role.
    pub(crate) fn sql(&self, scope: &str, sql: &str) -> String {
        self.cluster.query(self.database(scope), sql)
    }

    /// Runs SQL of any length in the database of a scope, as BlueMind's role, all in one transaction.
    #[allow(dead_code, reason = "only the tests of Cyrus write as much")]
    pub(crate) fn script(&self, scope: &str, sql: &str) {
        let path = self.path("script.sql");
        std::fs::write(&path, sql).expect("the script can be written");
        self.cluster.load(self.database(scope), &[path]);
    }

    /// Runs SQL in the database of a scope, as superuser.
    pub(crate) fn administer(&self, scope: &str, sql: &str) -> String {
        self.cluster.administer(self.database(scope), sql)
    }

    /// Fills a shard with so many bodies, made by `bodies`, and so many records of them in so many folders.
    #[allow(dead_code, reason = "only what is measured needs many")]
    pub(crate) fn fill(&self, scope: &str, bodies: &str, [many, records, folders]: [u32; 3]) {
        let sql = format!("{bodies}{}", include_str!("bluemind/many_records.sql"));
        let numbers = [("BODIES", many), ("RECORDS", records), ("FOLDERS", folders)];
        let sql = numbers.iter().fold(sql, |sql, (name, number)| sql.replace(name, &number.to_string()));
        self.administer(scope, &sql);
    }

    /// URL of the database of a scope, with the password.
    pub(crate) fn url(&self, scope: &str) -> String {
        self.urls.get(scope).cloned().unwrap_or_else(|| self.cluster.url(self.database(scope)))
    }

    /// A place in its directory, for outputs.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    /// `bm-preflight SUBCOMMAND` on this installation: its root and configuration given, nothing else.
    pub(crate) fn command(&self, subcommand: &str) -> Command {
        let config = self.path("bm-preflight.toml");
        std::fs::write(&config, self.config()).expect("the configuration can be written");
        let mut command = bm_preflight();
        command.arg(subcommand).arg("--root").arg(self.path("root")).arg("--config").arg(config);
        command.current_dir(self.work.path());
        if subcommand == "run" {
            command.args(ANY_DISK).args(self.story.to.iter().flat_map(|release| ["--to", release]));
        }
        command
    }

    fn config(&self) -> String {
        let mut config = format!("[directory]\nurl = {:?}\n", self.url(DIRECTORY));
        for uid in self.shards() {
            let _ = write!(config, "\n[shard.{uid}]\nurl = {:?}\n", self.url(uid));
        }
        let mut roots: Vec<String> = list(self.work.path()).into_iter().filter(|n| n.starts_with("root.")).collect();
        roots.sort();
        for root in roots {
            let uid = root.trim_start_matches("root.");
            let _ = write!(config, "\n[server.{uid}]\nroot = {:?}\n", self.path(&root).display().to_string());
        }
        if !self.more_config.contains("[probe]") {
            let influx = self.influx.iter().map(|influx| (influx.meant.as_str(), influx.address));
            config.push_str(&Network::shared().config_with(&[], influx));
        }
        config + &self.more_config
    }
}

/// The program under test, in English, whatever the environment is.
pub(crate) fn bm_preflight() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bm-preflight"));
    command.env_remove("LC_ALL").env("LANG", "C").env("NO_COLOR", "1").timeout(std::time::Duration::from_secs(120));
    command
}

/// The SQL files of a story, those of its base first, by scope.
fn scripts(chain: &[Story]) -> BTreeMap<String, Vec<PathBuf>> {
    let mut scripts: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for story in chain {
        for file in list(&story.folder()) {
            let Some(database) = file.strip_suffix(".sql") else { continue };
            let scope = match database.strip_prefix("bj-data.") {
                Some(uid) => uid.to_owned(),
                None if database == "bj" => DIRECTORY.to_owned(),
                None => panic!("{}/{file}: neither bj.sql nor bj-data.<server uid>.sql", story.name),
            };
            scripts.entry(scope).or_default().push(story.folder().join(&file));
        }
    }
    scripts
}

fn list(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries.map(|entry| entry.expect("a readable folder").file_name().to_string_lossy().into_owned()).collect()
}

/// The schema that the databases of a release were made with, and the upgrades that they went through.
fn schema_of(release: &str) -> (&'static str, Vec<PathBuf>) {
    let (made, upgrades): (_, &[&str]) = match release {
        "4.0" => ("4.0", &[]),
        "4.2" => ("4.2", &[]),
        "4.5" => ("4.2", &["upgrade_45"]),
        "4.8" => ("4.2", &["upgrade_45", "upgrade_48"]),
        "5.0" => ("4.2", &["upgrade_45", "upgrade_48", "upgrade_50"]),
        other => panic!("no schema of {other}"),
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/bluemind");
    (made, upgrades.iter().map(|name| folder.join(format!("{name}.sql"))).collect())
}

/// The database with the schema of a release and the helpers, from which all others are copied.
fn template_of(cluster: &Cluster, schema: &str) -> String {
    static LOADED: OnceLock<std::sync::Mutex<BTreeSet<(u16, String)>>> = OnceLock::new();
    let name = format!("schema_{}", schema.replace('.', ""));
    let mut loaded = LOADED.get_or_init(std::sync::Mutex::default).lock().expect("no test panics while it is held");
    if loaded.insert((cluster.port(), name.clone())) {
        cluster.create_database(&name, "");
        load_schema(cluster, &name, &name);
    }
    name
}

/// Fills an empty database with a schema (`schema_40` or `schema_42`) and the helpers.
pub(crate) fn load_schema(cluster: &Cluster, database: &str, schema: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/bluemind");
    let files = [schema, "helpers_directory", "helpers_shard"].map(|name| folder.join(format!("{name}.sql")));
    cluster.administer(database, "CREATE EXTENSION hstore");
    cluster.load(database, &files);
}

/// Makes the password in every bm.ini the one that is looked for in everything the program writes.
fn set_passwords(work: &Path) {
    for root in list(work) {
        let path = work.join(root).join("etc/bm/bm.ini");
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let changed = text.replace("password = \"bj\"", &format!("password = \"{PASSWORD}\""));
        assert_ne!(changed, text, "{}: no line `password = \"bj\"`", path.display());
        std::fs::write(&path, changed).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
}

/// Puts times into every file called `*.dated`, and takes that ending away: `@log{3h}` becomes three hours ago as
/// BlueMind's logs write it, `@ms{3h}` the same in milliseconds since the epoch.
fn render_times(work: &Path) {
    for entry in walkdir::WalkDir::new(work) {
        let path = entry.expect("a readable folder").into_path();
        if path.extension().is_none_or(|ending| ending != "dated") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        std::fs::write(path.with_extension(""), dated(&text, Timestamp::now())).expect("it can be written");
        std::fs::remove_file(&path).expect("it can be removed");
    }
}

fn dated(text: &str, now: Timestamp) -> String {
    let log = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M:%S,000").to_string();
    let rendered = render_marks(text, "@log{", &|age| log(now - age));
    render_marks(&rendered, "@ms{", &|age| (now - age).as_millisecond().to_string())
}

fn render_marks(text: &str, mark: &str, show: &dyn Fn(jiff::SignedDuration) -> String) -> String {
    let mut parts = text.split(mark);
    let mut rendered = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (age, rest) = part.split_once('}').expect("a mark ends with a brace");
        rendered.push_str(&show(duration(age)));
        rendered.push_str(rest);
    }
    rendered
}

/// When a file of that age was last written: a while ago, or at the time that is said.
fn written(age: &str) -> SystemTime {
    let at = age.parse::<Timestamp>();
    let ago = at.map_or_else(|_| duration(age), |at| Timestamp::now().duration_since(at));
    SystemTime::now() - ago.unsigned_abs()
}

fn duration(text: &str) -> jiff::SignedDuration {
    text.parse().unwrap_or_else(|e| panic!("{text:?} is no duration: {e}"))
}

#[test]
fn ages_become_times() {
    let now: Timestamp = "2026-11-02T08:00:00Z".parse().unwrap();
    let text = dated("@log{0s} a\n@log{25h 1m} b @ms{1s}\n", now);
    assert_eq!(text, "2026-11-02 08:00:00,000 a\n2026-11-01 06:59:00,000 b 1793606399000\n");
}

/// Copies `root` and every `root.<server uid>` of a story over what its base has put there.
fn copy_roots(story: &Path, target: &Path) {
    for name in list(story).into_iter().filter(|name| name == "root" || name.starts_with("root.")) {
        copy_tree(&story.join(&name), &target.join(&name), |_| true);
    }
}

/// Copies what is chosen of a folder, by its path below it: links as links, over what is there.
pub(crate) fn copy_tree(from: &Path, to: &Path, is_chosen: impl Fn(&Path) -> bool) {
    for entry in walkdir::WalkDir::new(from).sort_by_file_name() {
        let entry = entry.expect("a readable folder");
        let path = entry.path().strip_prefix(from).expect("entries are below the folder");
        if !is_chosen(path) {
            continue;
        }
        let place = to.join(path);
        // A link would be written through.
        if place.is_symlink() {
            std::fs::remove_file(&place).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        }
        let copied = if entry.file_type().is_dir() {
            std::fs::create_dir_all(&place)
        } else if entry.file_type().is_symlink() {
            std::fs::read_link(entry.path()).and_then(|link| std::os::unix::fs::symlink(link, &place))
        } else {
            std::fs::copy(entry.path(), &place).map(|_| ())
        };
        copied.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
}
