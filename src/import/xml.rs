//! XML as a tree, as far as data needs it: elements, attributes, text. There is no document type, so no entity but
//! the five of XML itself, and depth is bounded.

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::Mistake;
use crate::schema::text::place_of;

/// How deep elements may lie in each other.
const DEEPEST: usize = 100;

/// An element.
#[derive(Clone, Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    /// Everything between its tags that is no element.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// The first child of a name.
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first child of a name.
    pub(super) fn text_of(&self, name: &str) -> &str {
        self.child(name).map(|child| child.text.as_str()).unwrap_or_default()
    }

    /// Whether an attribute says `True`.
    pub(super) fn says(&self, attribute: &str) -> bool {
        let said = self.attributes.iter().find(|(name, _)| name == attribute);
        said.is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"))
    }
}

/// Reads a document. `each` sees every element when it ends, in the order of the text, and may change it.
pub(super) fn read(
    text: &str,
    mut each: impl FnMut(&mut Element) -> Result<(), Mistake>,
) -> Result<Element, Mistake> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut open: Vec<Element> = Vec::new();
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or_default();
        let mistake = |what: &str| Mistake::new(place_of(text, at).to_string(), what);
        let event = reader.read_event().map_err(|_| mistake("not XML, or cut off"))?;
        let ended = match &event {
            Event::Start(start) | Event::Empty(start) => {
                if open.len() >= DEEPEST {
                    return Err(mistake("elements lie too deep in each other"));
                }
                open.push(element(start).ok_or_else(|| mistake("an attribute that cannot be read"))?);
                matches!(event, Event::Empty(_))
            }
            Event::End(_) => true,
            Event::Eof => return Err(mistake("not XML, or cut off")),
            other => {
                let said = said(other).ok_or_else(|| mistake("text that cannot be read"))?;
                if let Some(current) = open.last_mut() {
                    current.text.push_str(&said);
                }
                false
            }
        };
        if ended && let Some(mut element) = open.pop() {
            each(&mut element)?;
            match open.last_mut() {
                Some(parent) => parent.children.push(element),
                None => return Ok(element),
            }
        }
    }
}

fn element(start: &BytesStart<'_>) -> Option<Element> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?.into_owned();
        attributes.push((attribute.key.as_ref().to_owned(), value));
    }
    Some(Element { name: start.name().as_ref().to_owned(), attributes, ..Element::default() })
}

/// What an event adds to the text of an element; `None`: it cannot be read.
fn said(event: &Event<'_>) -> Option<String> {
    match event {
        Event::Text(text) => Some((**text).to_owned()),
        Event::CData(text) => Some((**text).to_owned()),
        Event::GeneralRef(name) => character(name).map(String::from),
        Event::DocType(_) => None,
        _ => Some(String::new()),
    }
}

/// The character that a reference stands for.
fn character(name: &BytesRef<'_>) -> Option<char> {
    if let Some(character) = name.resolve_char_ref().ok()? {
        return Some(character);
    }
    match &**name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Element, String> {
        read(text, |_| Ok(())).map_err(|mistake| mistake.to_string())
    }

    #[test]
    fn elements_attributes_and_references() {
        let root = parsed(
            "<?xml version=\"1.0\"?>\n<a x='True' y=\"&lt;\"><b> 1 &amp; &#50;<![CDATA[<3>]]></b><b/><!-- c --></a>\n",
        );
        let root = root.unwrap();
        assert_eq!((root.name.as_str(), root.text_of("b")), ("a", " 1 & 2<3>"));
        assert_eq!(root.all("b").count(), 2);
        assert!(root.says("x") && !root.says("y") && root.attributes[1].1 == "<");
    }

    #[test]
    fn what_could_grow_or_lead_elsewhere_is_refused() {
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bb\">]><a>&b;</a>";
        assert!(parsed(bomb).is_err());
        assert!(parsed("<a>&unknown;</a>").unwrap_err().contains("text that cannot be read"));
        assert!(parsed(&"<a>".repeat(1000)).unwrap_err().contains("too deep"));
        assert_eq!(parsed("<a>\n<b></a>").unwrap_err(), "line 2, column 4: not XML, or cut off");
        assert!(parsed("").is_err() && parsed("<a>").is_err() && parsed("text").is_err());
    }
}
