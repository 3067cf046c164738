use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;

use super::*;

fn redactor(secret: &str) -> Redactor {
    Redactor::new([&Secret::from(secret)])
}

fn percent(bytes: &[u8], upper: bool, form: bool) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 3), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => out.push(char::from(*byte)),
            // Form data (WHATWG URL) leaves the asterisk and escapes the tilde, RFC 3986 the other way round.
            b' ' if form => out.push('+'),
            b'*' if form => out.push('*'),
            b'~' if !form => out.push('~'),
            byte => {
                let _ = if upper { write!(out, "%{byte:02X}") } else { write!(out, "%{byte:02x}") };
            }
        }
        out
    })
}

#[test]
fn a_percent_sign_in_a_secret_may_be_encoded_often() {
    let secret = "a%25b%c";
    let redactor = redactor(secret);
    let mut form = secret.to_owned();
    for _ in 0..4 {
        assert_eq!(redactor.clean(&format!("x={form}&y")), format!("x={MASK}&y"));
        form = percent(form.as_bytes(), true, false);
    }
}

/// A link in a link in a link: each puts the `%` of the one before as `%25`.
#[test]
fn any_character_may_be_encoded_often() {
    let redactor = redactor("p/ss é+1");
    let mut form = "p%2Fss%20%c3%A9%2B1".to_owned();
    for times in 1..6 {
        assert_eq!(redactor.clean(&format!("x={form}&y")), format!("x={MASK}&y"), "{times} times: {form}");
        form = form.replace('%', "%25");
    }
    for other in ["p%252Ess%20%c3%A9%2B1", "p%252ss%20%c3%A9%2B1", "p%25252"] {
        assert_eq!(redactor.clean(other), other);
    }
}

proptest! {
    #[test]
    fn no_form_of_a_secret_stays(secret in "\\PC{4,40}|[ -~]{4,40}", left in "[ -~]{0,20}", right in "[ -~]{0,20}") {
        let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let json = serde_json::to_string(&secret).unwrap();
        let forms = [
            secret.clone(),
            STANDARD.encode(&secret),
            URL_SAFE.encode(&secret),
            STANDARD_NO_PAD.encode(&secret),
            hex(secret.as_bytes(), false),
            percent(secret.as_bytes(), true, false),
            percent(secret.as_bytes(), false, false),
            encoded,
            json[1..json.len() - 1].to_owned(),
        ];
        let redactor = redactor(&secret);
        for form in forms {
            let cleaned = redactor.clean(&format!("{left}{form}{right}"));
            // What the mask is put into may spell the secret again only where the secret is part of it.
            prop_assert!(!cleaned.contains(&secret) || format!("{left}{MASK}{right}").contains(&secret), "{cleaned}");
            prop_assert!(cleaned.contains(MASK), "{form:?} in {cleaned:?}");
        }
    }
}

proptest! {
    #[test]
    fn nothing_stays_in_the_base64_of_a_longer_text(
        secret in "[ -~]{9,40}", left in "[ -~]{0,20}", right in "[ -~]{0,20}",
    ) {
        for engine in [&STANDARD, &URL_SAFE] {
            let encoded = engine.encode(format!("{left}{secret}{right}"));
            let cleaned = redactor(&secret).clean(&encoded);
            prop_assert!(cleaned.contains(MASK), "{cleaned}");
            // At both ends a character may stay that holds some bits of the secret, no whole byte.
            let shown = cleaned.chars().filter(char::is_ascii).count();
            let others = engine.encode(&left).trim_end_matches('=').len() + engine.encode(&right).len();
            prop_assert!(shown <= others + 4, "{cleaned}");
        }
    }
}

#[test]
fn the_longest_secret_goes_first() {
    let redactor = Redactor::new([&Secret::from("abcd"), &Secret::from("abcdefgh")]);
    assert_eq!(redactor.clean("x abcdefgh y"), format!("x {MASK} y"));
}

#[test]
fn a_short_secret_is_masked_where_it_stands_alone() {
    assert_eq!(redactor("42").clean("code 42, 142 ms, 42"), format!("code {MASK}, 142 ms, {MASK}"));
}

#[test]
fn a_line_of_a_pem_is_known_too() {
    let pem = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n-----END KEY-----\n";
    assert!(!redactor(pem).clean("got MIIEvQIBADANBgkqhkiG9w0B there").contains("MIIEv"));
}

#[test]
fn what_drives_a_terminal_is_shown_as_a_symbol() {
    assert_eq!(visible("a\u{1b}[31mb\u{9b}c", 99), "a␛[31mb‹U+009B›c");
    assert_eq!(visible("pay\u{200b}pal \u{202e}txt", 99), "pay‹U+200B›pal ‹U+202E›txt");
    assert_eq!(visible(" one\r\n\t two ", 99), "one two");
    assert_eq!(visible("abcdef", 3), "abc…");
    assert_eq!(visible("é漢👩", 99), "é漢👩");
}

fn clean(secret: &str, text: &str) -> String {
    redactor(secret).clean(text)
}

#[test]
fn every_escape_is_seen_through() {
    let secret = "a b&\"/é\n😀%";
    for text in [
        "a+b%26%22%2f%C3%A9%0a%F0%9F%98%80%25",
        "a%20b%26%22%2F%c3%a9%0A%f0%9f%98%80%25",
        "%2561%2520b&\"/é\n😀%",
        "a b&amp;&quot;/&#233;&#10;&#x1F600;%",
        r#"a b\u0026\"\/\u00e9\n\ud83d\ude00%"#,
        "61206226222fc3a90af09f988025",
        "61206226222FC3A90AF09F988025",
    ] {
        assert_eq!(clean(secret, &format!("<{text}>")), format!("<{MASK}>"), "{text}");
    }
    assert_eq!(clean(secret, "a b&\"/e\n😀%"), "a b&\"/e\n😀%", "the control");
}

#[test]
fn a_secret_inside_a_longer_base64_text_is_found() {
    for user in ["u", "us", "use", "user"] {
        let pair = STANDARD.encode(format!("{user}:correct horse"));
        let cleaned = clean("correct horse", &format!("Authorization: Basic {pair}"));
        assert!(cleaned.starts_with("Authorization: Basic ") && cleaned.ends_with(MASK), "{cleaned}");
        for engine in [&STANDARD, &URL_SAFE] {
            let echo = engine.encode(format!("{user}: correct horse battery staple"));
            let cleaned = clean("correct horse", &echo);
            assert_eq!(cleaned.matches(MASK).count(), 1, "{cleaned}");
            assert!(cleaned.len() < echo.len() - 12 + MASK.len(), "{cleaned}");
        }
    }
    let encoded = STANDARD.encode("user:another horse!");
    assert_eq!(clean("correct horse", &encoded), encoded, "the control");
}

#[test]
fn secrets_that_overlap_leave_no_rest() {
    let redactor = Redactor::new([&Secret::from("abcdef"), &Secret::from("defghi")]);
    assert_eq!(redactor.clean("x abcdefghi y"), format!("x {MASK} y"));
    assert_eq!(clean("abab", "xababab"), format!("x{MASK}"));
}

#[test]
fn many_spellings_of_one_place_are_no_trap() {
    // Each of the 40 backslashes may stand for itself or be half an escaped one: 2^40 ways to read it.
    let secret = format!("{}b", "\\".repeat(40));
    let text = "\\".repeat(2000);
    assert_eq!(clean(&secret, &text), text);
    assert_eq!(clean(&secret, &format!("{text}b")).matches(MASK).count(), 1);
}

/// Each character of a base64 text that holds bits of the secret is masked with it, and no other.
#[test]
fn the_base64_of_a_longer_text_loses_what_holds_bits_of_the_secret_and_no_more() {
    // Twelve bytes: by itself no character of it is shared.
    let secret = "Zq7x.w2k~r9T";
    let redactor = redactor(secret);
    for (left, right, before, behind) in
        [("", "", 0, 0), ("abc", "def", 4, 4), ("ab", "c", 2, 1), ("a", "bc", 1, 2), ("abcd", "ef", 5, 2)]
    {
        let encoded = STANDARD.encode(format!("{left}{secret}{right}"));
        let (start, end) = (&encoded[..before], &encoded[encoded.len() - behind..]);
        assert_eq!(redactor.clean(&encoded), format!("{start}{MASK}{end}"), "{left}…{right}");
    }
    for shift in 0..3 {
        let encoded = STANDARD_NO_PAD.encode([&[0; 3][..shift], secret.as_bytes()].concat());
        let own = &encoded[[0, 2, 3][shift]..(shift + secret.len()) * 8 / 6];
        assert_eq!(redactor.clean(own), MASK);
        assert_eq!(redactor.clean(&format!("<{own}>")), format!("<{MASK}>"));
        assert_eq!(redactor.clean(&format!("<{own}==>")), format!("<{MASK}>"));
        let around = if shift == 0 { format!("xy{MASK}yx") } else { format!("x{MASK}x") };
        assert_eq!(redactor.clean(&format!("xy{own}yx")), around, "{shift}");
    }
}

#[test]
fn secrets_beside_each_other_are_two_and_those_that_overlap_one() {
    assert_eq!(redactor("abcd").clean("abcdabcd"), format!("{MASK}{MASK}"));
    let two = Redactor::new([&Secret::from("abcdef"), &Secret::from("defghi")]);
    assert_eq!(two.clean("<abcdefghi>"), format!("<{MASK}>"));
}

#[test]
fn a_short_secret_knows_its_neighbours_of_any_length() {
    let redactor = redactor("42");
    for alone in ["–42–", "(42)", "\u{1f600}42\u{1f600}", "42"] {
        assert!(redactor.clean(alone).contains(MASK), "{alone}");
    }
    for joined in ["é42", "42é", "日42", "x42", "\u{10400}42", "42\u{10400}"] {
        assert_eq!(redactor.clean(joined), joined);
    }
}

#[test]
fn the_same_secret_is_known_once_and_nothing_is_nothing() {
    let (one, two) = (Secret::from("a-secret"), Secret::from("a-secret"));
    assert_eq!(format!("{:?}", Redactor::new([&one])), format!("{:?}", Redactor::new([&one, &two])));
    assert!(format!("{:?}", Redactor::new([&one])).starts_with("Redactor("));
    assert!(!Redactor::new([&one]).is_empty());
    assert!(Redactor::new([]).is_empty() && Redactor::new([&Secret::from("")]).is_empty());
}

/// What a space or a line break at the start of a secret is spelled as goes with it.
#[test]
fn a_secret_that_starts_with_blanks_is_masked_whole() {
    assert_eq!(redactor(" abcdef").clean("x=+abcdef&"), format!("x={MASK}&"));
    assert_eq!(redactor("\nabcdef").clean("x\r\nabcdef"), format!("x{MASK}"));
    assert_eq!(redactor("\nabcdef").clean("x\rabcdef"), format!("x\r{MASK}"));
    assert_eq!(redactor("abcdef").clean("+abcdef"), format!("+{MASK}"));
    // What stands for a blank, or for a percent sign, stands for nothing else.
    for other in ["ab+cd", "ab\r\ncd", "ab%25cd", "ab%2525cd"] {
        assert_eq!(redactor("ab.cd").clean(other), other);
    }
}

#[test]
fn lines_of_a_text_count_from_their_length_on() {
    let long = "x".repeat(LINE);
    let short = "y".repeat(LINE - 1);
    let redactor = redactor(&format!("first\n{long}\n{short}\n-----BEGIN {long}"));
    assert_eq!(redactor.clean(&format!("({long}) ({short})")), format!("({MASK}) ({short})"));
    assert_eq!(redactor.clean("-----BEGIN"), "-----BEGIN");
}

/// Every way in which JSON, HTML and addresses write a character.
#[test]
fn each_spelling_of_a_character_is_known() {
    for (c, spelled) in [
        ('\n', &["\\n", "\\u000a", "\\u000A", "%0a", "%0A", "%250A", "&#10;", "&#xa;", "&#XA;", "\r\n"][..]),
        ('\r', &["\\r", "%0D"]),
        ('\t', &["\\t", "%09"]),
        ('\u{8}', &["\\b"]),
        ('\u{c}', &["\\f"]),
        ('"', &["\\\"", "&quot;", "%22"]),
        ('\\', &["\\\\", "%5C", "\\u005c"]),
        ('/', &["\\/", "%2F"]),
        ('\'', &["\\'", "&apos;", "&#39;", "&#x27;"]),
        ('&', &["&amp;", "%26", "\\u0026"]),
        ('<', &["&lt;"]),
        ('>', &["&gt;"]),
        (' ', &["+", "%20", "%2520"]),
        ('%', &["%25", "%2525"]),
        ('é', &["%C3%A9", "%c3%a9", "%25C3%25A9", "\\u00e9", "&#233;"]),
        ('😀', &["%F0%9F%98%80", "\\ud83d\\ude00", "&#128512;"]),
    ] {
        let redactor = redactor(&format!("ab{c}cd"));
        for spelled in spelled {
            assert_eq!(
                redactor.clean(&format!("[ab{spelled}cd]")),
                format!("[{MASK}]"),
                "{c:?} as {spelled}"
            );
        }
        for other in
            ["\\q", "%7E", "&#1;", "&nbsp;", "&#x110000;", "&;", "%", "%2", "\\u12", "\\ud83d\\u0041", "\\"]
        {
            let text = format!("[ab{other}cd]");
            let kept = if other == c.to_string() { format!("[{MASK}]") } else { text.clone() };
            assert_eq!(redactor.clean(&text), kept, "{c:?} is not {other}");
        }
    }
}

#[test]
fn what_cannot_be_seen_is_shown_by_its_number() {
    assert_eq!(visible("a\u{0}b\u{1f}c\u{7f}d\u{80}e\u{202e}f", 99), "a␀b␟c␡d‹U+0080›e‹U+202E›f");
    assert_eq!(visible(" a \t\r\n b ", 99), "a b");
    for (text, limit, shown) in [
        ("abcd", 4, "abcd…"),
        ("abcd", 5, "abcd"),
        ("abcdef", 3, "abc…"),
        ("a  bcd", 3, "a b…"),
        // Eight signs that stand for one character are eight.
        ("\u{202e}bcdefgh", 8, "‹U+202E›…"),
        ("\u{202e}bcdefgh", 9, "‹U+202E›b…"),
    ] {
        assert_eq!(visible(text, limit), shown, "{text:?} {limit}");
    }
    let mut out = String::new();
    assert_eq!((push_visible(&mut out, 'x'), push_visible(&mut out, '\u{200b}')), (1, 8));
    for seen in [' ', '~', '\u{a0}', 'é', '日', '\u{200a}', '\u{2010}', '\u{2070}', '\u{fffc}', '\u{e1000}']
    {
        assert!(!is_hidden(seen), "{seen:?}");
    }
    for hidden in
        ['\u{9f}', '\u{ad}', '\u{200b}', '\u{200f}', '\u{2028}', '\u{206f}', '\u{feff}', '\u{e0041}']
    {
        assert!(is_hidden(hidden), "{hidden:?}");
    }
}

#[test]
fn what_is_shown_is_cleaned_first() {
    let redactor = redactor("sec\nret-1");
    assert_eq!(redactor.show(" a\tsec\nret-1 \u{1b}z ", 99), format!("a {MASK} ␛z"));
    // A cut inside of it would have hidden it.
    assert_eq!(redactor.show("sec\nret-1", 3), "•••…");
}
