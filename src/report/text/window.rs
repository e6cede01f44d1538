//! The forecast of the window on the terminal.

use anstyle::{AnsiColor, Style};

use super::{Page, clean};
use crate::digest::Forecast;
use crate::report::forecast::{ServerRow, Window};

impl Page<'_> {
    /// All of it: the ranges with what they are made of, the room, what has no figure.
    pub(super) fn window(&mut self, forecast: &Forecast) {
        let window = Window::of(forecast, self.words);
        if window.stages.is_empty() && window.before.is_none() {
            return;
        }
        self.heading("section.window");
        for stage in &window.stages {
            let (colon, arrow) = (self.colon(), format!("{} → {}", clean(&stage.from), clean(&stage.to)));
            let line = format!("{arrow}{colon} {}", stage.span);
            let line = self.paint(Style::new().bold(), &line);
            self.line(2, &line);
            stage.servers.iter().for_each(|server| self.window_of(server));
            for unknown in &stage.unknown {
                self.line(4, &format!("? {}", clean(unknown)));
            }
        }
        match window.stages.is_empty() {
            true => self.line(2, self.words.text("label.window_none")),
            false => self.line(2, self.words.text("label.window_not_counted")),
        }
        self.keep(2, &window);
    }

    fn window_of(&mut self, server: &ServerRow) {
        let colon = self.colon().to_owned();
        self.line(4, &format!("{}{colon} {}", clean(&server.server), server.span));
        for term in &server.terms {
            let sure = self.paint(Style::new().dimmed(), &term.confidence);
            self.line(6, &format!("{}{colon} {} {sure}", clean(&term.what), term.span));
        }
        for room in &server.rooms {
            self.line(6, &clean(room));
        }
        if let Some(read) = &server.read {
            let read = self.paint(Style::new().dimmed(), read);
            self.line(6, &read);
        }
    }

    /// What to do before the window and after it.
    fn keep(&mut self, indent: usize, window: &Window) {
        for (label, command) in [("label.keep_before", &window.before), ("label.keep_after", &window.after)] {
            if let Some(command) = command {
                let command = self.paint(AnsiColor::Cyan.on_default(), &clean(command));
                self.line(indent, &format!("{} {command}", self.words.text(label)));
            }
        }
    }

    /// The range of it all, and what to do right before.
    pub(super) fn window_in_brief(&mut self, forecast: &Forecast) {
        let window = Window::of(forecast, self.words);
        if window.stages.is_empty() {
            return;
        }
        self.out.push('\n');
        let label = self.words.text("section.window");
        self.line(2, &format!("{label}{} {}", self.colon(), window.span));
        self.keep(4, &Window { after: None, ..window });
    }
}
