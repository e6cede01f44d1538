//! Just enough reading of XML and of our own HTML to compare reports.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::Event;

/// An element: its name, attributes, children and the text below it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) children: Vec<Element>,
    pub(crate) text: String,
}

impl Element {
    /// Every element below this one that is called `name`, in document order.
    pub(crate) fn all(&self, name: &str) -> Vec<&Element> {
        let mut found = Vec::new();
        for child in &self.children {
            if child.name == name {
                found.push(child);
            }
            found.extend(child.all(name));
        }
        found
    }

    /// The elements below this one that have `word` among their classes.
    pub(crate) fn of_class(&self, word: &str) -> Vec<&Element> {
        let mut found = Vec::new();
        for child in &self.children {
            if child.attributes.get("class").is_some_and(|c| c.split_whitespace().any(|w| w == word)) {
                found.push(child);
            }
            found.extend(child.of_class(word));
        }
        found
    }

    /// The element with this id.
    pub(crate) fn by_id(&self, id: &str) -> Option<&Element> {
        self.children
            .iter()
            .find_map(|c| if c.attributes.get("id").is_some_and(|i| i == id) { Some(c) } else { c.by_id(id) })
    }

    pub(crate) fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

/// Elements of HTML that have no end.
const VOID: [&str; 4] = ["meta", "link", "input", "br"];

/// Reads XML, or a page of ours once its void elements are closed. Fails on anything that is not well-formed.
pub(crate) fn read(source: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(source);
    // Void elements of HTML have no end; the names are compared below.
    reader.config_mut().check_end_names = false;
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().map_err(|e| format!("{e} at {}", reader.buffer_position()))? {
            Event::Start(tag) => {
                let element = started(&tag)?;
                if VOID.contains(&element.name.as_str()) {
                    open.last_mut().unwrap().children.push(element);
                } else {
                    open.push(element);
                }
            }
            Event::Empty(tag) => {
                let element = started(&tag)?;
                open.last_mut().unwrap().children.push(element);
            }
            Event::End(tag) => {
                let done = open.pop().unwrap();
                if done.name.as_bytes() != tag.name().as_ref() {
                    return Err(format!("<{}> is not closed at {}", done.name, reader.buffer_position()));
                }
                let parent = open.last_mut().ok_or("an end without a start")?;
                parent.text.push_str(&done.text);
                parent.children.push(done);
            }
            Event::Text(text) => open.last_mut().unwrap().text.push_str(&text.decode().map_err(|e| e.to_string())?),
            Event::CData(text) => open.last_mut().unwrap().text.push_str(&text.decode().map_err(|e| e.to_string())?),
            Event::GeneralRef(entity) => {
                let entity = format!("&{};", entity.decode().map_err(|e| e.to_string())?);
                let text = quick_xml::escape::unescape(&entity).map_err(|e| e.to_string())?;
                open.last_mut().unwrap().text.push_str(&text);
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    let root = open.pop().ok_or("nothing")?;
    if open.is_empty() { Ok(root) } else { Err("an element is not closed".into()) }
}

fn started(tag: &quick_xml::events::BytesStart<'_>) -> Result<Element, String> {
    let mut element = Element { name: String::from_utf8_lossy(tag.name().as_ref()).into_owned(), ..Element::default() };
    for attribute in tag.html_attributes() {
        let attribute = attribute.map_err(|e| e.to_string())?;
        let raw = String::from_utf8_lossy(&attribute.value).into_owned();
        let value = quick_xml::escape::unescape(&raw).map_err(|e| e.to_string())?.into_owned();
        element.attributes.insert(String::from_utf8_lossy(attribute.key.as_ref()).into_owned(), value);
    }
    Ok(element)
}
