//! What each user has to do himself, as a mail that is ready to be sent.

use std::path::Path;

use mail_builder::MessageBuilder;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use serde::Serialize;
use tera::Context;

use super::Report;
use super::html::{self, Error};
use crate::digest::Owner;
use crate::model::text::{distinct, visible};

/// The template: its first line is the subject.
const TEMPLATE: &str = "notice.txt";

/// Bytes of an address that name its file.
const LONGEST_NAME: usize = 200;

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Name of its file.
    pub file: String,
    /// RFC 5322, UTF-8.
    pub mail: Vec<u8>,
}

/// What the template gets.
#[derive(Serialize)]
struct Values<'a> {
    address: String,
    installation: Option<String>,
    target: &'a str,
    folders: Vec<String>,
    messages: u64,
    todo: Vec<String>,
    is_suspended: bool,
    /// Day and time of the upgrade, and the last day to begin; `None` without a window.
    window: Option<String>,
    begin_by: Option<String>,
    lead_days: u16,
    is_demo: bool,
}

/// A mail for each user who has to do something himself and has an address that mail can be sent to.
///
/// # Errors
/// When the template is wrong.
pub fn all(report: &Report, templates_dir: Option<&Path>) -> Result<Vec<Notice>, Error> {
    let (tera, _) = html::load(templates_dir, report.run.lang)?;
    let owners = report.digest.owners.iter().filter(|owner| is_address(&owner.address));
    let due = owners.filter_map(|owner| Some((owner, owner.lead_days?)));
    due.enumerate()
        .map(|(number, (owner, lead_days))| {
            let values = Values::of(owner, lead_days, report);
            let text = tera.render(TEMPLATE, &Context::from_serialize(&values)?)?;
            let id = format!("{}.{number}@bm-preflight.invalid", report.run.id);
            Ok(Notice { file: file_name(&owner.address), mail: mail(report, owner, &id, text.trim()) })
        })
        .collect()
}

impl<'a> Values<'a> {
    fn of(owner: &Owner, lead_days: u16, report: &'a Report) -> Self {
        let shown = |text: &String| visible(text, false);
        let before = |window: jiff::civil::DateTime| {
            let day = window.date().checked_sub(jiff::Span::new().days(i64::from(lead_days)));
            day.ok().map(|day| day.to_string())
        };
        Self {
            address: shown(&owner.address),
            installation: report.run.installation.name.as_ref().map(shown),
            target: &report.run.installation.target,
            folders: owner.folders.iter().map(shown).collect(),
            messages: owner.messages,
            todo: owner.todo.iter().map(shown).collect(),
            is_suspended: owner.is_suspended,
            window: report.digest.window.map(|window| window.strftime("%Y-%m-%d %H:%M").to_string()),
            begin_by: report.digest.window.and_then(before),
            lead_days,
            is_demo: report.run.is_demo,
        }
    }
}

/// A draft without a sender: who opens it and sends it is that.
fn mail(report: &Report, owner: &Owner, id: &str, text: &str) -> Vec<u8> {
    let (subject, body) = text.split_once('\n').unwrap_or((text, ""));
    let message = MessageBuilder::new()
        .message_id(MessageId::new(id.to_owned()))
        .date(report.run.started_at.as_second())
        .to(owner.address.as_str())
        .subject(subject.trim())
        .header("X-Unsent", Raw::new("1"))
        .text_body(format!("{}\n", body.trim()));
    message.write_to_vec().unwrap_or_default()
}

/// Whether mail can be sent to a name: one `@`, and nothing that would end an address in a header.
fn is_address(name: &str) -> bool {
    let is_plain = |c: char| !c.is_control() && !c.is_whitespace() && !"<>()[]:;,\\\"".contains(c);
    name.split('@').filter(|part| !part.is_empty()).count() == 2
        && name.matches('@').count() == 1
        && name.chars().all(is_plain)
}

/// A name in its own folder, whatever an address holds.
fn file_name(address: &str) -> String {
    let name: String = visible(address, false).chars().map(|c| if matches!(c, '/' | '\\') { '_' } else { c }).collect();
    let name = name.trim_start_matches(['.', '-']).to_owned();
    format!("{}.eml", distinct(name, LONGEST_NAME / 4))
}
