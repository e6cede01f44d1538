//! The autodiscover matrix and its traces, on the page and on the terminal.

use bm_preflight::model::Lang;
use bm_preflight::report::{Report, html, text};
use bm_preflight::verdict::FailOn;

use crate::canonical::{HOSTILE, hostile, report};
use crate::markup::{Element, read};

fn matrix(report: &Report) -> Element {
    read(&html::render(report, None).unwrap()).unwrap().of_class("matrix")[0].clone()
}

fn canonical(lang: Lang) -> Element {
    matrix(&report(lang, FailOn::Blocker))
}

/// What the cells of a name say, its traces left out.
fn said(row: &Element) -> Vec<String> {
    row.children.iter().map(|cell| cell.text.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// The table of the terminal, without the heading.
fn terminal(report: &Report) -> Vec<String> {
    let text = text::render(report, false, false);
    let table = text.split("\nAutodiscover\n").nth(1).unwrap();
    table.lines().take_while(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn a_name_is_a_row() {
    let rows: Vec<_> = canonical(Lang::En).all("tbody").iter().map(|group| said(&group.children[0])).collect();
    assert_eq!(
        rows,
        [
            ["example.org", "works", "works", "warnsOutlook asks its user first", "absent", "yes", "yes"],
            [
                "café.examplexn--caf-dma.examplealias of example.org",
                "works",
                "absentthe name does not exist",
                "absentthe name does not exist",
                "absent",
                "yes",
                "no"
            ],
            [
                "example.net",
                "failsnot found (404)",
                "failsthe certificate raises a warning",
                "unknownno answer in time",
                "absent",
                "no",
                "unknown"
            ],
        ]
    );
}

#[test]
fn it_is_told_in_french_too() {
    let matrix = canonical(Lang::Fr);
    let row = said(&matrix.all("tbody")[1].children[0]);
    assert_eq!(row[2..], ["absentle nom n’existe pas", "absentle nom n’existe pas", "absent", "oui", "non"]);
    for phrase in [
        "Sous-domaine",
        "alias de example.org",
        "Trace (17 étapes)",
        "bm-mapi le trouve",
        "n’envoient aucun identifiant",
    ] {
        assert!(matrix.text.contains(phrase), "{phrase} is not in {}", matrix.text);
    }
}

#[test]
fn a_table_that_can_be_heard() {
    let matrix = canonical(Lang::En);
    assert_eq!(matrix.all("caption").len(), 1);
    let scopes: Vec<_> = matrix.all("th").iter().map(|th| th.attribute("scope").to_owned()).collect();
    let heads = ["col", "colgroup", "colgroup", "col", "col", "col", "col", "col", "col", "row", "row", "row", "row"];
    assert_eq!(scopes, heads);
    for group in matrix.all("tbody") {
        let labels: Vec<_> =
            group.children[0].all("td").iter().map(|td| td.attribute("data-label").to_owned()).collect();
        assert_eq!(labels.len(), 6);
        assert!(labels.iter().all(|label| matrix.all("thead")[0].text.contains(label)), "{labels:?}");
    }
    assert!(matrix.of_class("icon").iter().all(|icon| icon.attribute("aria-hidden") == "true"));
}

#[test]
fn a_trace_is_a_closed_tree() {
    let matrix = canonical(Lang::En);
    let traces = matrix.all("details");
    assert_eq!(traces.len(), 3);
    assert!(traces.iter().all(|trace| !trace.attributes.contains_key("open")));
    let settled: Vec<_> = traces.iter().map(|trace| trace.attribute("class") == "settled").collect();
    assert_eq!(settled, [true, false, false], "paper spares the traces of names without trouble");
    let methods: Vec<_> = traces[0].all("ol")[0].children.iter().collect();
    assert_eq!(methods.len(), 4);
    assert_eq!(methods[0].all("li").len(), 7);
    let request = methods[0].all("li").into_iter().rfind(|li| li.text.contains("Request")).unwrap();
    let told = request.of_class("told")[0].text.split_whitespace().collect::<Vec<_>>().join(" ");
    let url = "https://example.org/autodiscover/autodiscover.xml";
    assert_eq!(told, format!("Request {url}: BlueMind answers401, realm bm.basic.auth.v2"));
    assert_eq!(request.of_class("number")[0].text, "12 ms");
    assert!(request.text.contains("Identity the connection as this machine sees it: found"));
    assert!(traces[2].text.contains("Method The server asking itself: sulking"), "a code without a phrase");
}

#[test]
fn the_legend_says_what_the_verdicts_mean() {
    let matrix = canonical(Lang::En);
    let legend = &matrix.of_class("legend")[0];
    assert_eq!(legend.all("dt").len(), 3);
    assert_eq!(legend.all("a")[0].attribute("href"), "https://testconnectivity.microsoft.com");
    for phrase in ["every hosted domain", "https://autodiscover.<domain>", "no credentials"] {
        assert!(legend.text.contains(phrase), "{phrase}");
    }
}

#[test]
fn without_names_there_is_no_section() {
    let mut report = report(Lang::En, FailOn::Blocker);
    report.autodiscover.clear();
    report.public_urls.clear();
    let source = html::render(&report, None).unwrap();
    assert!(!source.contains("autodiscover-names") && !source.contains("<caption"));
    assert!(!text::render(&report, false, true).contains("\nAutodiscover\n"));
}

#[test]
fn two_hundred_names_stay_a_page() {
    let mut report = report(Lang::En, FailOn::Blocker);
    let mut name = report.autodiscover[0].clone();
    name.steps = name.steps.iter().cycle().take(60).cloned().collect();
    report.autodiscover = vec![name; 200];
    report.public_urls.clear();
    let source = html::render(&report, None).unwrap();
    assert!(source.len() < 8_000_000, "{} bytes", source.len());
    assert_eq!(read(&source).unwrap().of_class("step").len(), 12_000);
}

#[test]
fn the_terminal_has_the_matrix() {
    let lines = terminal(&report(Lang::En, FailOn::Blocker));
    assert_eq!(
        lines,
        [
            "  Domain or alias                       Domain  Subdomain  HTTP redirect  DNS SRV  bm-mapi finds it  Outlook connects",
            "  example.org                           ✓       ✓          !              –        ✓ yes             ✓ yes",
            "    xn--caf-dma.example (café.example)  ✓       –          –              –        ✓ yes             ✗ no",
            "      seen from lan                     ✗       ?          ?              ?        –                 ✗ no",
            "  example.net                           ✗       ✗          ?              –        ✗ no              ? unknown",
            "  ✓ works  ! warns  ✗ fails  ? unknown  – absent",
        ]
    );
}

#[test]
fn the_urls_have_a_table_of_their_own_and_other_machines_a_row() {
    let report = report(Lang::En, FailOn::Blocker);
    let page = read(&html::render(&report, None).unwrap()).unwrap();
    let urls = &page.of_class("matrix")[1];
    let rows: Vec<_> = urls.all("tbody")[0].all("tr").iter().take(2).map(|row| said(row)).collect();
    let here = [
        "https://mail.example.org/",
        "works",
        "failsa page in place of the service",
        "works",
        "unknownno answer in time",
    ];
    assert_eq!(rows, [here, ["seen from lan", "works", "works", "works", "works"]]);
    let names = &page.of_class("matrix")[0];
    let lan = said(names.all("tbody")[1].all("tr")[1]);
    assert_eq!(lan, ["seen from lan", "failsno answer in time", "unknown", "unknown", "unknown", "–", "no"]);
    let text = text::render(&report, false, false);
    let table = text.split("\nURLs of the installation\n").nth(1).unwrap();
    let lines: Vec<&str> = table.lines().take(3).collect();
    assert!(lines[0].contains("Outlook’s address book  Mobiles"), "{lines:?}");
    assert!(lines[1].starts_with("  https://mail.example.org/") && lines[1].contains('✗'), "{lines:?}");
    assert!(lines[2].starts_with("      seen from lan") && !lines[2].contains('✗'), "{lines:?}");
}

#[test]
fn wide_letters_take_two_places_on_the_terminal() {
    let mut report = report(Lang::Fr, FailOn::Blocker);
    report.autodiscover[0].unicode_name = Some("日本.example".into());
    let lines = terminal(&report);
    let place =
        |line: &str| line.chars().take_while(|c| *c != '✓').map(|c| if c > '\u{2e80}' { 2 } else { 1 }).sum::<usize>();
    assert_eq!(place(&lines[1]), place(&lines[2]));
    assert!(lines[4].ends_with("✗ non              ? inconnu"), "{}", lines[3]);
}

#[test]
fn hostile_names_stay_on_their_line() {
    assert_eq!(terminal(&hostile(HOSTILE)).len(), 3);
}
