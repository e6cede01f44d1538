//! The templates of a check: small, without loops, bounded in size; values in commands are quoted for the shell.

use std::collections::BTreeSet;
use std::io::Write;

use tera::{Context, Tera};

use super::Check;
use crate::model::Lang;
use crate::model::text::filesize;

/// Bytes of a rendered text that are kept, with a mark where it was longer: nobody reads it to its end.
const MAX_RENDERED_BYTES: usize = 64 * 1024;

/// Name in the context under which filters find the language; no column can be called so.
const LANG: &str = "(lang)";

/// Filters that cannot make a text grow beyond reason.
const FILTERS: &[&str] = &[
    "abs",
    "capitalize",
    "default",
    "first",
    "float",
    "grouped",
    "int",
    "last",
    "length",
    "lower",
    "pluralize",
    "round",
    "title",
    "trim",
    "truncate",
    "upper",
    "filesize",
];

/// Block tags that always end. A chain of `elif` would choose by a code, and codes have words of their own.
const TAGS: &[&str] = &["if", "else", "endif"];

/// What a template is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A finding's sentence.
    Message,
    /// What to do.
    Remediation,
    /// The command of that number.
    Command(usize),
    /// Why the facts do not decide.
    Inconclusive,
    /// What was compared.
    Proof,
    /// What all findings come to.
    Headline,
}

impl Part {
    /// Only names that end in `.sh` are escaped, by [`quote`].
    fn name(self, code: &str, lang: Lang) -> String {
        let lang = lang.as_str();
        match self {
            Self::Message => format!("message/{code}.{lang}"),
            Self::Remediation => format!("remediation/{code}.{lang}"),
            Self::Command(number) => format!("command/{code}/{number}.sh"),
            Self::Inconclusive => format!("inconclusive/{code}.{lang}"),
            Self::Proof => format!("proof.{lang}"),
            Self::Headline => format!("headline.{lang}"),
        }
    }
}

/// The compiled templates of one check.
pub(super) struct Messages(Tera);

impl Default for Messages {
    fn default() -> Self {
        let mut tera = Tera::new();
        tera.autoescape_on([".sh"]);
        tera.set_escape_fn(quote);
        let is_french = |state: &tera::State| {
            state.get::<String>(LANG).ok().flatten().is_some_and(|lang| lang == Lang::Fr.as_str())
        };
        tera.register_filter("filesize", move |bytes: i64, _: tera::Kwargs, state: &tera::State| {
            filesize(bytes, if is_french(state) { Lang::Fr } else { Lang::En })
        });
        tera.register_filter("grouped", move |number: i64, _: tera::Kwargs, state: &tera::State| {
            grouped(number, if is_french(state) { '\u{202f}' } else { ',' })
        });
        Self(tera)
    }
}

/// Why a template was refused: a message, and the byte range in the template it is about.
pub(super) type TemplateError = (String, Option<usize>);

impl Messages {
    /// The templates of a check, which was linted: where one could not be compiled, none can be rendered.
    pub(super) fn of(check: &Check) -> Self {
        let mut messages = Self::default();
        let named = check.templates().into_iter().map(|(part, code, lang, text)| (part.name(code, lang), text));
        // All at once: each addition looks at what is there.
        if let Err(error) = messages.0.add_raw_templates(named) {
            tracing::warn!(check = check.id, "templates: {error}");
        }
        messages
    }

    /// Compiles a template of the words of `code`.
    pub(super) fn add(&mut self, part: Part, code: &str, lang: Lang, template: &str) -> Result<(), TemplateError> {
        restrict(template, matches!(part, Part::Command(_)))?;
        self.0.add_raw_template(&part.name(code, lang), template).map_err(|error| describe(&error))
    }

    /// Refuses a compiled template that uses more than `columns`.
    pub(super) fn hold(
        &self,
        part: Part,
        code: &str,
        lang: Lang,
        template: &str,
        columns: &[String],
    ) -> Result<(), TemplateError> {
        let variables = self.0.get_template_variables(&part.name(code, lang)).map_err(|error| describe(&error))?;
        let unknown: BTreeSet<&str> =
            variables.into_iter().filter(|variable| !columns.iter().any(|column| column == variable)).collect();
        match unknown.first() {
            Some(variable) => Err((format!("the query returns no column {variable:?}"), template.find(variable))),
            None => Ok(()),
        }
    }

    /// Renders one template over a finding's columns. A command that is too long, or in which a value would be taken for an
    /// option, is rendered as nothing.
    pub(super) fn render(&self, part: Part, code: &str, lang: Lang, columns: &mut Context) -> Result<String, String> {
        let mut out = Bounded { kept: Vec::new(), is_cut: false };
        columns.insert(LANG, lang.as_str());
        self.0.render_to(&part.name(code, lang), columns, &mut out).map_err(|error| describe(&error).0)?;
        let text = String::from_utf8_lossy(&out.kept);
        let text = text.trim_end_matches(char::REPLACEMENT_CHARACTER).trim();
        Ok(match (part, out.is_cut) {
            (Part::Command(_), true) => String::new(),
            (Part::Command(_), false) => without_options(text),
            (_, true) => format!("{text}…"),
            (_, false) => text.to_owned(),
        })
    }
}

/// A writer that keeps [`MAX_RENDERED_BYTES`] at most.
struct Bounded {
    kept: Vec<u8>,
    is_cut: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let fits = bytes.get(..MAX_RENDERED_BYTES - self.kept.len()).unwrap_or(bytes);
        self.is_cut |= fits.len() < bytes.len();
        self.kept.extend_from_slice(fits);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn describe(error: &tera::Error) -> TemplateError {
    use tera::ErrorKind;
    match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
            (report.message().to_owned(), Some(report.span().range.start))
        }
        _ => {
            let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
            (format!("{}{cause}", error.to_string().lines().next().unwrap_or_default()), None)
        }
    }
}

/// Stands before a value that may be taken for an option: a character that is none.
const SUSPECT: char = '\u{fdd0}';

/// Writes a value so that a POSIX shell takes it as one word.
fn quote(value: &str, out: &mut dyn Write) -> std::io::Result<()> {
    let value = value.replace(SUSPECT, "\u{fffd}");
    if value.starts_with(['-', '+', '@']) {
        write!(out, "{SUSPECT}")?;
    }
    let quoted = shlex::Quoter::new().allow_nul(true).quote(&value).unwrap_or_default();
    out.write_all(quoted.as_bytes())
}

/// A command, or nothing when one of its words is an option that a value made. To `dig` a `+` begins one too, and an `@`
/// names whom to ask.
fn without_options(command: &str) -> String {
    let is_dig = command.starts_with("dig ");
    let is_option = |(at, _): (usize, &str)| {
        let (before, value) = (command[..at].chars().next_back(), &command[at + SUSPECT.len_utf8()..]);
        let begins_word = before.is_none_or(|before| before.is_whitespace() || "|&;()<>`".contains(before));
        begins_word && (is_dig || value.trim_start_matches(['\'', '"']).starts_with('-'))
    };
    match command.match_indices(SUSPECT).any(is_option) {
        true => String::new(),
        false => command.replace(SUSPECT, ""),
    }
}

/// A whole number with a mark between groups of three digits.
fn grouped(number: i64, mark: char) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = if number < 0 { "-".to_owned() } else { String::new() };
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(mark);
        }
        out.push(digit);
    }
    out
}

/// Refuses what could run long, grow without bound, or break out of a quoted word.
fn restrict(template: &str, is_command: bool) -> Result<(), TemplateError> {
    for (start, expression, is_block) in expressions(template) {
        let words = Words::of(expression);
        if is_block {
            let tag = words.0.first().map_or("", |(_, word, _)| *word);
            if !TAGS.contains(&tag) {
                return Err((format!("{{% {tag} %}} is not allowed: only {}", TAGS.join(", ")), Some(start)));
            }
        }
        for (offset, word, role) in &words.0 {
            let at = Some(start + offset);
            match role {
                Role::Filter if !FILTERS.contains(word) => {
                    return Err((format!("the filter {word:?} is not allowed: only {}", FILTERS.join(", ")), at));
                }
                Role::Call => return Err((format!("{word}() is not allowed in a template"), at)),
                _ => {}
            }
        }
        let before = template.get(..start).unwrap_or_default();
        if is_command && !is_block && (odd(before, '\'') || odd(before, '"')) {
            return Err(("a value in a command is quoted already: no quotes around {{ … }}".into(), Some(start)));
        }
    }
    Ok(())
}

fn odd(text: &str, quote: char) -> bool {
    text.matches(quote).count() % 2 == 1
}

/// The inside of every `{{ … }}` and `{% … %}` with its byte offset.
fn expressions(template: &str) -> Vec<(usize, &str, bool)> {
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(open) = template.get(rest..).and_then(|text| text.find('{')).map(|at| rest + at) {
        let (close, is_block) = match template.as_bytes().get(open + 1) {
            Some(b'{') => ("}}", false),
            Some(b'%') => ("%}", true),
            _ => {
                rest = open + 1;
                continue;
            }
        };
        let inside = open + 2;
        let end = template.get(inside..).and_then(|text| text.find(close)).map_or(template.len(), |at| inside + at);
        if let Some(text) = template.get(inside..end) {
            found.push((inside, text, is_block));
        }
        rest = end;
    }
    found
}

#[derive(Clone, Copy)]
enum Role {
    Filter,
    Call,
    Plain,
}

/// The words of an expression outside string literals: offset, word, and whether it is a filter or a call.
struct Words<'t>(Vec<(usize, &'t str, Role)>);

impl<'t> Words<'t> {
    fn of(expression: &'t str) -> Self {
        let mut words = Vec::new();
        let mut previous = ' ';
        let mut chars = expression.char_indices().peekable();
        while let Some((start, c)) = chars.next() {
            if matches!(c, '"' | '\'' | '`') {
                for (_, inner) in chars.by_ref() {
                    if inner == c {
                        break;
                    }
                }
                previous = c;
            } else if c.is_alphabetic() || c == '_' {
                let rest = expression.get(start..).unwrap_or_default();
                let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                let (word, after) = rest.split_at(length);
                while chars.peek().is_some_and(|(at, _)| *at < start + length) {
                    chars.next();
                }
                let is_call =
                    after.trim_start().starts_with('(') && !matches!(word, "and" | "or" | "not" | "in" | "if");
                let role = match (previous, is_call) {
                    ('|', _) => Role::Filter,
                    (_, true) => Role::Call,
                    _ => Role::Plain,
                };
                words.push((start, word, role));
                previous = 'w';
            } else if !c.is_whitespace() {
                previous = c;
            }
        }
        Self(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(part: Part, template: &str, value: &str) -> Result<String, String> {
        let mut messages = Messages::default();
        let columns = ["path".to_owned()];
        messages.add(part, "", Lang::En, template).map_err(|(message, _)| message)?;
        messages.hold(part, "", Lang::En, template, &columns).map_err(|(message, _)| message)?;
        let mut context = Context::new();
        context.insert("path", value);
        messages.render(part, "", Lang::En, &mut context)
    }

    #[test]
    fn a_message_is_rendered_as_it_is_and_a_command_is_quoted() {
        assert_eq!(render(Part::Message, "<{{ path }}>", "a'b $(id)").as_deref(), Ok("<a'b $(id)>"));
        assert_eq!(render(Part::Command(0), "ls -- {{ path }}", "a'b $(id)").as_deref(), Ok("ls -- \"a'b \"'$(id)'"));
        assert_eq!(render(Part::Command(0), "ls {{ path }}", "plain").as_deref(), Ok("ls plain"));
    }

    #[test]
    fn what_could_run_long_or_break_out_is_refused() {
        for (part, template) in [
            (Part::Message, "{% for i in range(end=9) %}{% endfor %}"),
            (Part::Message, "{%- set x = 1 %}"),
            (Part::Message, "{{ range(end=100000) }}"),
            (Part::Message, "{{ throw(message='x') }}"),
            (Part::Message, "{{ path | replace(from='a', to='aaaa') }}"),
            (Part::Message, "{{ path | indent(width=100000) }}"),
            (Part::Message, "{% include 'x' %}"),
            (Part::Message, "{% component a() %}{% endcomponent %}"),
            (Part::Message, "{% raw %}{% endraw %}"),
            (Part::Message, "{% if path %}a{% elif path %}b{% endif %}"),
            (Part::Message, "{{ other }}"),
            (Part::Message, "{{ path"),
            (Part::Command(0), "ls '{{ path }}'"),
            (Part::Command(0), "ls \"x {{ path }}\""),
            (Part::Command(0), "ls {{ path | safe }}"),
        ] {
            assert!(render(part, template, "v").is_err(), "{template}");
        }
        assert_eq!(
            render(
                Part::Message,
                "{% if path == 'v' and (path or path) %}{{ path | upper }}{% else %}no{% endif %}",
                "v"
            )
            .as_deref(),
            Ok("V")
        );
    }

    #[test]
    fn a_rendered_text_is_bounded() {
        let template = "{{ path }}".repeat(100);
        for letter in ["x", "é"] {
            let text = render(Part::Message, &template, &letter.repeat(10_001)).unwrap();
            assert!(text.len() <= MAX_RENDERED_BYTES + 3 && text.len() > MAX_RENDERED_BYTES - 4, "{}", text.len());
            assert!(text.ends_with(&format!("{letter}…")), "the cut is between two letters");
        }
        assert_eq!(render(Part::Command(0), &template, &"x".repeat(10_001)).as_deref(), Ok(""));
    }

    #[test]
    fn no_value_becomes_an_option() {
        for (template, value, command) in [
            ("bm-cli x {{ path }}", "-rf@example.org", ""),
            ("bm-cli x {{ path }} --ops y", "--all", ""),
            ("{{ path }} x", "-x", ""),
            ("x </dev/null | y {{ path }}", "-x y", ""),
            ("x {{ path }}", "-a'b $(id)", ""),
            ("x {{ path }}", "\u{fdd0}-x", "x '\u{fffd}-x'"),
            ("x --of={{ path }}", "-x", "x --of=-x"),
            ("x /a/{{ path }}", "-x", "x /a/-x"),
            ("x {{ path }}", "a -x", "x 'a -x'"),
            ("x {{ path }}", "+49@example.org", "x +49@example.org"),
            ("dig +short {{ path }}", "+trace", ""),
            ("dig +short {{ path }}", "@192.0.2.1", ""),
            ("dig @{{ path }} x", "192.0.2.1", "dig @192.0.2.1 x"),
        ] {
            assert_eq!(render(Part::Command(0), template, value).as_deref(), Ok(command), "{template}, {value}");
        }
    }

    #[test]
    fn large_numbers_are_readable_in_either_language() {
        for (number, en, fr) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (1_000, "1,000", "1\u{202f}000"),
            (-1_204_311, "-1,204,311", "-1\u{202f}204\u{202f}311"),
            (
                i64::MIN,
                "-9,223,372,036,854,775,808",
                "-9\u{202f}223\u{202f}372\u{202f}036\u{202f}854\u{202f}775\u{202f}808",
            ),
        ] {
            for (lang, expected) in [(Lang::En, en), (Lang::Fr, fr)] {
                let mut messages = Messages::default();
                messages.add(Part::Message, "", lang, "{{ n | grouped }}").unwrap();
                let mut context = Context::new();
                context.insert("n", &number);
                assert_eq!(messages.render(Part::Message, "", lang, &mut context).as_deref(), Ok(expected));
            }
        }
    }
}
