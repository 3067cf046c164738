//! XML: references in texts and attributes; what comments and CDATA sections cannot hold is refused.

use std::borrow::Cow;

use super::{Around, Unfit, escaped};

enum Place {
    Text,
    /// Inside of a tag, outside of its attributes' values.
    Tag,
    Attribute,
    Comment,
    Data,
    /// `<?…?>` or `<!…>`.
    Declaration,
}

pub(super) fn written<'a>(around: &Around<'_>, value: &'a str) -> Result<Cow<'a, str>, Unfit> {
    // XML 1.0 has no way at all to write them.
    if value.chars().any(
        |c| matches!(c, '\u{1}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}'),
    ) {
        return Err("XML cannot hold a control character");
    }
    match place(around.before) {
        Place::Text => Ok(escaped(value, |c| match c {
            '&' => Some("&amp;".into()),
            '<' => Some("&lt;".into()),
            '>' => Some("&gt;".into()),
            '\r' => Some("&#13;".into()),
            _ => None,
        })),
        Place::Attribute => Ok(escaped(value, |c| match c {
            '&' => Some("&amp;".into()),
            '<' => Some("&lt;".into()),
            '>' => Some("&gt;".into()),
            '"' => Some("&quot;".into()),
            '\'' => Some("&#39;".into()),
            '\n' | '\r' | '\t' => Some(format!("&#{};", c as u32).into()),
            _ => None,
        })),
        Place::Comment
            if value.contains('-') && format!("x{value}x").contains("--") || value.ends_with('-') =>
        {
            Err("a comment cannot hold this value")
        }
        Place::Data if value.contains("]]") || value.contains('>') => {
            Err("a CDATA section cannot hold this value")
        }
        Place::Comment | Place::Data => Ok(value.into()),
        Place::Tag | Place::Declaration => {
            match value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !value.is_empty() {
                true => Ok(value.into()),
                false => Err("a value cannot stand inside of a tag: put it between quotes"),
            }
        }
    }
}

fn place(before: &str) -> Place {
    let mut rest = before;
    loop {
        let Some(start) = rest.find('<') else { return Place::Text };
        rest = &rest[start..];
        let (open, close, inside) = if rest.starts_with("<!--") {
            ("<!--", "-->", Place::Comment)
        } else if rest.starts_with("<![CDATA[") {
            ("<![CDATA[", "]]>", Place::Data)
        } else if rest.starts_with("<?") {
            ("<?", "?>", Place::Declaration)
        } else if rest.starts_with("<!") {
            ("<!", ">", Place::Declaration)
        } else {
            match behind_tag(rest) {
                Ok(behind) => {
                    rest = behind;
                    continue;
                }
                Err(place) => return place,
            }
        };
        match rest[open.len()..].split_once(close) {
            Some((_, behind)) => rest = behind,
            None => return inside,
        }
    }
}

/// What stands behind a tag, or where in it the text ends.
fn behind_tag(tag: &str) -> Result<&str, Place> {
    let mut quote = None;
    for (at, c) in tag.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (None, '>') => return Ok(&tag[at + 1..]),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    Err(if quote.is_some() { Place::Attribute } else { Place::Tag })
}
