//! Texts with `{names}` in them.

/// A piece of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Stands for itself.
    Text(&'a str),
    /// Stands for a value.
    Name(&'a str),
}

/// The pieces of a template. Braces around anything but a name stand for themselves.
pub fn pieces(template: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(name) = name_at(rest) {
            rest = &rest[name.len() + 2..];
            return Some(Piece::Name(name));
        }
        let after_first = rest.chars().next().map_or(0, char::len_utf8);
        let mut end = rest.len();
        for (at, _) in rest.match_indices('{').filter(|(at, _)| *at >= after_first) {
            if name_at(&rest[at..]).is_some() {
                end = at;
                break;
            }
        }
        let text = &rest[..end];
        rest = &rest[end..];
        Some(Piece::Text(text))
    })
}

/// The name in braces at the start of a text.
fn name_at(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('{')?.split_once('}')?;
    is_name(name).then_some(name)
}

/// Whether a text can be a name.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// The names in a template.
pub fn names(template: &str) -> impl Iterator<Item = &str> {
    pieces(template).filter_map(|piece| match piece {
        Piece::Name(name) => Some(name),
        Piece::Text(_) => None,
    })
}

/// A template with each name replaced.
pub fn fill(template: &str, mut value: impl FnMut(&str) -> String) -> String {
    let filled = pieces(template).map(|piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Name(name) => value(name),
    });
    filled.collect()
}

/// The host part of an address template, port included: between `://` and the next `/`, `?` or `#`.
pub fn authority(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://")?;
    Some(&rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_a_template() {
        use Piece::{Name, Text};
        let all = |text| pieces(text).collect::<Vec<_>>();
        assert_eq!(all("Bearer {token}"), [Text("Bearer "), Name("token")]);
        assert_eq!(all("{a}{b}é{c"), [Name("a"), Name("b"), Text("é{c")]);
        assert_eq!(all("{ viewer { id } }"), [Text("{ viewer { id } }")]);
        assert_eq!(all("{{a}}"), [Text("{"), Name("a"), Text("}")]);
        assert!(all("").is_empty());
    }

    #[test]
    fn the_host_of_a_template() {
        assert_eq!(authority("https://{a}.example.com:1/x/{b}"), Some("{a}.example.com:1"));
        assert_eq!(authority("https://{a}?q"), Some("{a}"));
        assert_eq!(authority("{base_url}"), None);
    }
}
