use proptest::prelude::*;

use super::*;

fn fill(format: Format, template: &str, value: &str) -> Result<String, String> {
    let read = Template::read(template).map_err(|mistake| mistake.to_string())?;
    let value = Secret::from(value);
    let values: Vec<&Secret> = read.references().map(|_| &value).collect();
    read.fill(format, &values).map(|text| text.to_string()).map_err(|mistake| mistake.to_string())
}

/// A template with `@` for the place, and what comes of values in it; `None`: refused.
#[track_caller]
fn gives(format: Format, template: &str, cases: &[(&str, Option<&str>)]) {
    for (value, expected) in cases {
        let template = template.replace('@', "{{ cred://k }}");
        let filled = fill(format, &template, value);
        assert_eq!(filled.as_deref().ok(), *expected, "{value:?} in {template:?}: {filled:?}");
    }
}

#[test]
fn only_references_in_braces_are_places() {
    let text = "{{ .Values.x }} {{cred://a}} {{\tcred://s/b#f }} cred://c {{{ cred://d }}} {% x %} {{}}";
    let template = Template::read(text).unwrap();
    let found: Vec<String> = template.references().map(Reference::to_string).collect();
    assert_eq!(found, ["cred://a", "cred://s/b#f", "cred://d"]);
    assert_eq!(fill(Format::Text, text, "V").unwrap(), "{{ .Values.x }} V V cred://c {V} {% x %} {{}}");
}

#[test]
fn what_is_wrong_has_its_place() {
    let said = |text: &str| Template::read(text).unwrap_err().to_string();
    assert_eq!(
        said("a\n é {{ cred://k\n}}"),
        "line 2, column 4: }} is missing on the line of this reference"
    );
    assert!(said("{{ cred://a/b/c }}").starts_with("line 1, column 14: a key has"));
    assert!(said("{{ cred:// }}").starts_with("line 1, column 11: a key is missing"));
    let refused = fill(Format::Ini, "a=1\nb = {{ cred://s/k#f }}\n", "x\ny").unwrap_err();
    assert!(refused.starts_with("line 2, column 5: cred://s/k#f: a value of several lines"), "{refused}");
}

#[test]
fn a_file_name_tells_the_format() {
    for (name, format) in [
        ("a.json", Some(Format::Json)),
        ("dir.d/app.YAML", Some(Format::Yaml)),
        ("app.yaml.tmpl", Some(Format::Yaml)),
        (".env", Some(Format::Dotenv)),
        (".env.local", Some(Format::Dotenv)),
        ("prod.env", Some(Format::Dotenv)),
        ("x.service", Some(Format::Ini)),
        ("x.tmpl", None),
        ("Dockerfile", None),
    ] {
        assert_eq!(Format::of(Path::new(name)), format, "{name}");
    }
    assert!(Format::names().all(|name| Format::named(name).is_some()));
}

#[test]
fn json() {
    let hard = "q\" b\\ n\n";
    gives(
        Format::Json,
        r#"{"a": "x@y"}"#,
        &[("plain/+=", Some(r#"{"a": "xplain/+=y"}"#)), (hard, Some(r#"{"a": "xq\" b\\ n\ny"}"#))],
    );
    gives(
        Format::Json,
        r#"{"a": @, "b": [@]}"#,
        &[
            ("word", Some(r#"{"a": "word", "b": ["word"]}"#)),
            ("5432", Some(r#"{"a": 5432, "b": [5432]}"#)),
            (r#"{"type": "account"}"#, Some(r#"{"a": {"type": "account"}, "b": [{"type": "account"}]}"#)),
            ("1, \"admin\": true", Some(r#"{"a": "1, \"admin\": true", "b": ["1, \"admin\": true"]}"#)),
        ],
    );
    gives(Format::Json, r#"{"a": 12@}"#, &[("3", None)]);
}

#[test]
fn toml() {
    gives(
        Format::Toml,
        "a = @ # c\nb = [@, 1]\n",
        &[
            ("word", Some("a = \"word\" # c\nb = [\"word\", 1]\n")),
            ("5432", Some("a = 5432 # c\nb = [5432, 1]\n")),
            ("0123", Some("a = \"0123\" # c\nb = [\"0123\", 1]\n")),
            ("x\"\n", Some("a = \"x\\\"\\n\" # c\nb = [\"x\\\"\\n\", 1]\n")),
        ],
    );
    gives(Format::Toml, "a = '@'\n", &[("a\\b\"", Some("a = 'a\\b\"'\n")), ("it's", None), ("a\nb", None)]);
    gives(Format::Toml, "[@]\n", &[("x", None)]);
    gives(
        Format::Toml,
        "a = \"\"\"x\"\"\" # @\n",
        &[("s", Some("a = \"\"\"x\"\"\" # s\n")), ("s\nb = 1", None)],
    );
}

#[test]
fn dotenv() {
    gives(
        Format::Dotenv,
        "A=@\n",
        &[
            ("pl4in/+=:", Some("A=pl4in/+=:\n")),
            ("two words", Some("A='two words'\n")),
            ("$x", Some("A='$x'\n")),
            ("it's $5\n", Some("A=\"it's \\$5\\n\"\n")),
        ],
    );
    gives(Format::Dotenv, "A=\"x-@\"\n", &[("a \"$b\"", Some("A=\"x-a \\\"\\$b\\\"\"\n"))]);
    gives(Format::Dotenv, "A='@'\n", &[("a $b \"c\"", Some("A='a $b \"c\"'\n")), ("it's", None)]);
    gives(Format::Dotenv, "A=pre-@\n", &[("word", Some("A=pre-word\n")), ("two words", None)]);
    gives(Format::Dotenv, "# @\n", &[("a b", Some("# a b\n")), ("a\nB=1", None)]);
}

#[test]
fn shell() {
    gives(
        Format::Shell,
        "a=@; f x@y\n",
        &[
            ("word", Some("a=word; f xwordy\n")),
            ("a; rm -rf 'x'", Some("a='a; rm -rf '\\''x'\\'''; f x'a; rm -rf '\\''x'\\'''y\n")),
        ],
    );
    gives(Format::Shell, "a=\"x @\"", &[("$(id) `id` \\ \"", Some("a=\"x \\$(id) \\`id\\` \\\\ \\\"\""))]);
    gives(Format::Shell, "a='@'", &[("it's $x", Some("a='it'\\''s $x'"))]);
    gives(Format::Shell, "a=\"$(f @)\"", &[("x;y \"z\"", Some("a=\"$(f 'x;y \"z\"')\""))]);
    gives(Format::Shell, "a=`f @`", &[("word", Some("a=`f word`")), ("x;y", None)]);
    gives(Format::Shell, "f # @\ng", &[("a b", Some("f # a b\ng")), ("a\nrm x", None)]);
    gives(
        Format::Shell,
        "cat <<EOF\n@\nEOF\nf @",
        &[("$(id)", Some("cat <<EOF\n\\$(id)\nEOF\nf '$(id)'")), ("a\nEOF\nrm x", None)],
    );
    gives(Format::Shell, "cat <<'EOF'\n@\nEOF\n", &[("$(id) '\\", Some("cat <<'EOF'\n$(id) '\\\nEOF\n"))]);
    gives(Format::Shell, "f '#' \"#\" ${x#y} @", &[("a b", Some("f '#' \"#\" ${x#y} 'a b'"))]);
}

#[test]
fn xml() {
    gives(
        Format::Xml,
        "<?xml version=\"1.0\"?><a b=\"@\">@</a>",
        &[
            ("word", Some("<?xml version=\"1.0\"?><a b=\"word\">word</a>")),
            (
                "<&\"'\n>",
                Some("<?xml version=\"1.0\"?><a b=\"&lt;&amp;&quot;&#39;&#10;&gt;\">&lt;&amp;\"'\n&gt;</a>"),
            ),
            ("\u{1}", None),
        ],
    );
    gives(Format::Xml, "<![CDATA[@]]>", &[("a < b", Some("<![CDATA[a < b]]>")), ("a]]>b", None)]);
    gives(Format::Xml, "<!-- @ -->", &[("a-b", Some("<!-- a-b -->")), ("a--b", None), ("a-", None)]);
    gives(Format::Xml, "<a @/>", &[("x=\"1\"", None)]);
}

#[test]
fn ini() {
    gives(
        Format::Ini,
        "a = @\n",
        &[
            ("word/+=:'x", Some("a = word/+=:'x\n")),
            (" word", None),
            ("a #b", None),
            ("a\\b", None),
            ("a%b", None),
            ("a\nb=1", None),
        ],
    );
    gives(Format::Ini, "a = \"@\"\n", &[("a #b", Some("a = \"a #b\"\n")), ("a\"b", None)]);
}

#[test]
fn yaml() {
    gives(
        Format::Yaml,
        "a: @\nb: [@, 1]\n",
        &[
            ("word", Some("a: word\nb: [word, 1]\n")),
            ("pg://u:p%2@h/d?a&b", Some("a: pg://u:p%2@h/d?a&b\nb: [\"pg://u:p%2@h/d?a&b\", 1]\n")),
            ("&anchor", Some("a: \"&anchor\"\nb: [\"&anchor\", 1]\n")),
            ("5432", Some("a: 5432\nb: [5432, 1]\n")),
            ("0123", Some("a: \"0123\"\nb: [\"0123\", 1]\n")),
            ("1e5", Some("a: \"1e5\"\nb: [\"1e5\", 1]\n")),
            ("yes", Some("a: \"yes\"\nb: [\"yes\", 1]\n")),
            ("x: y", Some("a: \"x: y\"\nb: [\"x: y\", 1]\n")),
            ("it's \"q\"\n", Some("a: \"it's \\\"q\\\"\\n\"\nb: [\"it's \\\"q\\\"\\n\", 1]\n")),
            ("", Some("a: \"\"\nb: [\"\", 1]\n")),
        ],
    );
    gives(
        Format::Yaml,
        "- a: x\n  b: \"p-@\"\n  c: 'p-@'\n",
        &[("it's", Some("- a: x\n  b: \"p-it's\"\n  c: 'p-it''s'\n")), ("a\nb", None)],
    );
    gives(Format::Yaml, "a: http://u:@/d\n", &[("word", Some("a: http://u:word/d\n")), ("a b", None)]);
    gives(
        Format::Yaml,
        "a: p-@-s # it's\n",
        &[("word", Some("a: p-word-s # it's\n")), ("a b", None), ("a: b", None)],
    );
    gives(
        Format::Yaml,
        "a:\n  key: |\n    @\n  b: @\n",
        &[
            ("one\ntwo\n", Some("a:\n  key: |\n    one\n    two\n  b: \"one\\ntwo\\n\"\n")),
            ("x # y", Some("a:\n  key: |\n    x # y\n  b: \"x # y\"\n")),
            (" x", None),
        ],
    );
    gives(
        Format::Yaml,
        "- |\n  x\n  @\n- @\n",
        &[("one\ntwo", Some("- |\n  x\n  one\n  two\n- \"one\\ntwo\"\n"))],
    );
    gives(Format::Yaml, "a: >\n  @\n", &[("x y", Some("a: >\n  x y\n")), ("x\ny", None)]);
    gives(
        Format::Yaml,
        "# @\na: don't\nb: @\n",
        &[("x: y", Some("# x: y\na: don't\nb: \"x: y\"\n")), ("x\ny", None)],
    );
    gives(Format::Yaml, "a: {b: @, c: \"@\"}\n", &[("x,y", Some("a: {b: \"x,y\", c: \"x,y\"}\n"))]);
    gives(Format::Yaml, "a: \"two\n  lines @\"\n", &[("x\"", Some("a: \"two\n  lines x\\\"\"\n"))]);
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,30}",
        "\\PC{0,20}",
        "[a\"'\\\\\n$`#:{},\\[\\]<&;=%-]{0,12}",
        "(true|null|-?[0-9]{1,6}|[0-9.e+-]{1,6})"
    ]
}

proptest! {
    #[test]
    fn json_reads_back_what_went_in(value in value()) {
        let filled = fill(Format::Json, r#"{"a": {{ cred://k }}, "b": "x{{ cred://k }}y"}"#, &value).unwrap();
        let read: serde_json::Value = serde_json::from_str(&filled).unwrap();
        prop_assert_eq!(read["b"].as_str().unwrap(), format!("x{value}y"));
        let a = read["a"].as_str().map_or_else(|| serde_json::from_str(&value).unwrap(), serde_json::Value::from);
        prop_assert!(read["a"] == a && read.as_object().unwrap().len() == 2);
        prop_assert!(read["a"] == value.as_str() || serde_json::from_str::<serde_json::Value>(&value).is_ok());
    }

    #[test]
    fn toml_reads_back_what_went_in(value in value()) {
        let template = "# '''\na = {{ cred://k }} # c\nb = \"x{{ cred://k }}y\"\nd = \"\"\"\n{{ cred://k }}\"\"\"\n";
        let filled = fill(Format::Toml, template, &value).unwrap();
        let read: ::toml::Table = filled.parse().unwrap();
        prop_assert_eq!(read["b"].as_str().unwrap(), format!("x{value}y"));
        prop_assert_eq!(read["d"].as_str().unwrap(), &value);
        prop_assert_eq!(read["a"].as_str().map_or_else(|| read["a"].to_string(), str::to_owned), value.clone());
        prop_assert_eq!(read.len(), 3);
        if let Ok(filled) = fill(Format::Toml, "a = '{{ cred://k }}'\nb = '''{{ cred://k }}'''\n", &value) {
            let read: ::toml::Table = filled.parse().unwrap();
            prop_assert_eq!(read["a"].as_str().unwrap(), &value);
        }
    }

    #[test]
    fn no_template_is_too_odd(template in "[{}a:c \n\"'|>#$`(<-]{0,40}", value in value()) {
        let template = template.replace("aa", "{{ cred://k }}");
        for (format, _) in FORMATS {
            let _ = fill(format, &template, &value);
        }
    }
}
