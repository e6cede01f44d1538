//! The matrix of autodiscover and of the installation's URLs on the terminal: a drawing for each method.

use anstyle::Style;
use unicode_width::UnicodeWidthStr as _;

use super::super::autodiscover::{self, Cell, Mark};
use super::{Page, clean, drawing};
use crate::model::{METHODS, MailName, PublicUrl, SERVICES};

/// A longer name moves the rest of its row.
const WIDEST_NAME: usize = 48;

impl Page<'_> {
    /// One row for each name: a drawing for each method, the verdicts in words.
    pub(super) fn autodiscover(&mut self, names: &[MailName]) {
        if names.is_empty() {
            return;
        }
        self.heading("section.autodiscover");
        let methods = METHODS.map(|method| self.words.word("method", method));
        let verdicts = ["bm_mapi", "workstation"].map(|column| self.words.word("verdict_title", column));
        let widths: Vec<usize> = methods.iter().chain(&verdicts).map(|title| title.width()).collect();
        let titles = [methods.as_slice(), &verdicts].concat().join("  ");
        let corner = self.words.text("label.mail_name");
        let first = names.iter().map(|name| shown_name(name).width()).max().unwrap_or(0);
        let first = first.clamp(corner.width(), WIDEST_NAME);
        let head = self.paint(Style::new().dimmed(), &format!("{}  {titles}", padded(corner, first)));
        self.line(2, &head);
        for name in names {
            let cells = autodiscover::cells(&METHODS, &name.methods, self.words).into_iter().map(|cell| (cell, false));
            let cells = cells.chain(autodiscover::verdict_cells(name, self.words).map(|cell| (cell, true)));
            self.matrix_row(&padded(&shown_name(name), first), cells, &widths);
            for vantage in &name.vantages {
                let cells =
                    autodiscover::cells(&METHODS, &vantage.methods, self.words).into_iter().map(|cell| (cell, false));
                let verdict = vantage.workstation.as_deref().unwrap_or("unknown");
                // What bm-mapi finds is not for another machine to say.
                let verdicts = [("bm_mapi", "absent"), ("workstation", verdict)];
                let verdicts = verdicts.map(|(column, code)| {
                    (autodiscover::verdict_cell(column, code, self.words), column == "workstation")
                });
                self.matrix_row(&padded(&self.seen_from(&vantage.label), first), cells.chain(verdicts), &widths);
            }
        }
        let states = ["yes", "warns", "no", "unknown", "absent"];
        let legend = states.map(|s| format!("{} {}", drawing(Mark::of(s)).0, self.words.word("method_state", s)));
        let legend = self.paint(Style::new().dimmed(), &legend.join("  "));
        self.line(2, &legend);
    }

    /// One row for each URL: a drawing for each thing that clients ask for.
    pub(super) fn public_urls(&mut self, urls: &[PublicUrl]) {
        if urls.is_empty() {
            return;
        }
        self.heading("section.public_urls");
        let methods = SERVICES.map(|method| self.words.word("method", method));
        let widths: Vec<usize> = methods.iter().map(|title| title.width()).collect();
        let first = urls.iter().map(|url| url.url.width()).max().unwrap_or(0).clamp(1, WIDEST_NAME);
        let head = self.paint(Style::new().dimmed(), &format!("{}  {}", padded("", first), methods.join("  ")));
        self.line(2, &head);
        for url in urls {
            let cells = autodiscover::cells(&SERVICES, &url.methods, self.words).into_iter();
            self.matrix_row(&padded(&clean(&url.url), first), cells.map(|cell| (cell, false)), &widths);
            for vantage in &url.vantages {
                let cells = autodiscover::cells(&SERVICES, &vantage.methods, self.words).into_iter();
                let label = self.seen_from(&vantage.label);
                self.matrix_row(&padded(&label, first), cells.map(|cell| (cell, false)), &widths);
            }
        }
    }

    fn seen_from(&self, label: &str) -> String {
        format!("    {} {}", self.words.text("label.seen_from"), clean(label))
    }

    fn matrix_row(&mut self, name: &str, cells: impl Iterator<Item = (Cell, bool)>, widths: &[usize]) {
        let row = cells.zip(widths).map(|((cell, said), width)| format!("  {}", self.cell(&cell, said, *width)));
        let row = name.to_owned() + &row.collect::<String>();
        self.line(2, row.trim_end());
    }

    /// A cell of the matrix, as wide as its column.
    fn cell(&self, cell: &Cell, in_words: bool, width: usize) -> String {
        let (icon, style) = drawing(cell.mark);
        let text = if in_words { format!("{icon} {}", clean(&cell.word)) } else { icon.to_owned() };
        let rest = " ".repeat(width.saturating_sub(text.width()));
        self.paint(style, &text) + &rest
    }
}

/// The name as DNS has it, with the readable one; aliases are set in.
fn shown_name(name: &MailName) -> String {
    let indent = if name.is_alias { "  " } else { "" };
    let readable = autodiscover::unicode_name(name).map(|unicode| format!(" ({})", clean(unicode)));
    format!("{indent}{}{}", clean(&name.name), readable.unwrap_or_default())
}

fn padded(text: &str, width: usize) -> String {
    text.to_owned() + &" ".repeat(width.saturating_sub(text.width()))
}
