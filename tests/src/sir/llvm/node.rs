//! Metadata: nodes are read when they are asked for, since most of them never are.

use super::lex::unescape;
use super::syntax::Module;

/// A node: `!DILocation(line: 3, scope: !5)`, or a tuple, `!{!1, null}`.
#[derive(Clone, Debug, Default)]
pub(super) struct Node<'a> {
    /// `DILocation`; empty for a tuple.
    pub(super) kind: &'a str,
    /// Names, empty in a tuple, and what is written behind them.
    fields: Vec<(&'a str, &'a str)>,
}

/// The node of this number.
pub(super) fn find<'a>(module: &Module<'a>, number: &str) -> Option<Node<'a>> {
    module.nodes.get(number).map(|text| read(text))
}

fn read(text: &str) -> Node<'_> {
    let text = text.trim_start_matches("distinct ").trim_start_matches('!');
    let open = text.find(['(', '{']).unwrap_or(text.len());
    let kind = &text[..open];
    let body = text.get(open + 1..text.len().max(open + 2) - 1).unwrap_or("");
    let mut fields = Vec::new();
    for part in split(body) {
        let name = part.find(|char: char| !(char.is_ascii_alphanumeric() || char == '_'));
        match name.map(|at| part.split_at(at)) {
            Some((name, value)) if value.starts_with(": ") => fields.push((name, value[2..].trim())),
            _ => fields.push(("", part)),
        }
    }
    Node { kind, fields }
}

/// What stands between commas, outside of quotes and parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut start) = (0, false, 0);
    let mut parts = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'(' | b'{' => depth += 1,
            b')' | b'}' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    if !text[start..].trim().is_empty() {
        parts.push(text[start..].trim());
    }
    parts
}

impl<'a> Node<'a> {
    /// What a field says, as written.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// A field that is a string.
    pub(super) fn string(&self, name: &str) -> Option<String> {
        let text = self.get(name)?.trim_matches('"');
        Some(String::from_utf8_lossy(&unescape(text)).into_owned())
    }

    /// A field that is a number.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    /// The number of the node that a field refers to.
    pub(super) fn link(&self, name: &str) -> Option<&'a str> {
        self.get(name)?.strip_prefix('!').filter(|name| name.starts_with(|char: char| char.is_ascii_digit()))
    }

    /// The items of a tuple, as written.
    pub(super) fn items(&self) -> impl Iterator<Item = &'a str> {
        self.fields.iter().map(|(_, value)| *value)
    }

    /// The node that a field refers to.
    pub(super) fn follow(&self, module: &Module<'a>, name: &str) -> Option<Node<'a>> {
        find(module, self.link(name)?)
    }

    /// The numbers of the nodes in the tuple that a field refers to; `None` for items that are `null`.
    pub(super) fn list(&self, module: &Module<'a>, name: &str) -> Vec<Option<&'a str>> {
        let tuple = self.follow(module, name);
        tuple.iter().flat_map(Node::items).map(|item| item.strip_prefix('!')).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn nodes_and_tuples() {
        let node =
            read(r#"distinct !DIX(name: "a, (b", flags: A | B, scope: !5, size: 32, e: !DIExpression())"#);
        assert_eq!(node.kind, "DIX");
        assert_eq!(node.string("name").as_deref(), Some("a, (b"));
        assert_eq!(node.get("flags"), Some("A | B"));
        assert_eq!(node.link("scope"), Some("5"));
        assert_eq!(node.number("size"), Some(32));
        assert_eq!(node.link("e"), None);
        assert_eq!(read("!{!1, null, !\"x\"}").items().collect::<Vec<_>>(), ["!1", "null", "!\"x\""]);
        assert_eq!(read("!{}").items().count(), 0);
    }
}
