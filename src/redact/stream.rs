//! Secrets are taken out of bytes that come in pieces, wherever a piece ends.

use std::fmt;

use zeroize::Zeroizing;

use super::{Redactor, SHORT};
use crate::secret::MASK;

/// What of the text that is out already is remembered: one character.
const CONTEXT: usize = 4;

/// Passes bytes on without secrets.
///
/// What may be the start of a secret is kept back until what follows decides. A text that seems to end in one
/// (`y` before an answer is typed) is let go by [`Masker::pause`], as long as it is a letter or three: what
/// follows is masked all the same.
pub struct Masker {
    redactor: Redactor,
    /// The last bytes that came.
    held: Zeroizing<Vec<u8>>,
    /// How many of them are out already.
    out: usize,
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Masker({} bytes)", self.held.len())
    }
}

impl Masker {
    /// Takes out what a redactor knows.
    pub fn new(redactor: Redactor) -> Self {
        Self { redactor, held: Zeroizing::new(Vec::new()), out: 0 }
    }

    /// Takes bytes, and appends to `out` what can be passed on.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        // Grown by a copy that is wiped: a vector's own growth leaves the old bytes behind.
        let mut grown = Zeroizing::new(Vec::with_capacity(self.held.len() + bytes.len()));
        grown.extend_from_slice(&self.held);
        grown.extend_from_slice(bytes);
        self.held = grown;
        let seen = self.redactor.look(&self.held, false);
        let until = seen.open.unwrap_or(self.held.len());
        self.pass(&seen.whole, until, out);
    }

    /// Nothing came for a moment: passes on what need not wait any longer.
    pub fn pause(&mut self, out: &mut Vec<u8>) {
        let seen = self.redactor.look(&self.held, false);
        let whole = self.redactor.look(&self.held, true).whole;
        let end = self.held.len();
        // A whole secret at the end waits only for what stands behind it.
        let open = seen.open.filter(|open| !whole.iter().any(|(start, stop)| start <= open && *stop == end));
        match open {
            Some(open) if end - open >= SHORT => self.pass(&whole, open, out),
            Some(open) => {
                self.pass(&whole, open, out);
                out.extend_from_slice(&self.held[self.out..]);
                self.out = self.held.len();
            }
            None => self.pass(&whole, end, out),
        }
    }

    /// Nothing will come any more.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        let whole = self.redactor.look(&self.held, true).whole;
        self.pass(&whole, self.held.len(), out);
    }

    /// Whether something is kept back.
    pub fn is_waiting(&self) -> bool {
        self.out < self.held.len()
    }

    /// Passes on everything before `until`, but for secrets.
    fn pass(&mut self, whole: &[(usize, usize)], mut until: usize, out: &mut Vec<u8>) {
        // One that reaches further may yet be joined by what is open.
        if let Some((start, _)) = whole.iter().find(|(start, end)| *start < until && until < *end) {
            until = *start;
        }
        let mut done = self.out;
        for (start, end) in whole.iter().filter(|(start, end)| *start < until && *end > self.out) {
            out.extend_from_slice(&self.held[done.min(*start)..*start]);
            out.extend_from_slice(MASK.as_bytes());
            done = *end;
        }
        if done < until {
            out.extend_from_slice(&self.held[done..until]);
            done = until;
        }
        let kept = done.saturating_sub(CONTEXT);
        self.held = Zeroizing::new(self.held[kept..].to_vec());
        self.out = done - kept;
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    use super::*;
    use crate::secret::Secret;

    fn masker(secrets: &[&str]) -> Masker {
        let secrets: Vec<Secret> = secrets.iter().map(|text| Secret::from(*text)).collect();
        Masker::new(Redactor::new(&secrets))
    }

    /// What comes out of pieces.
    fn passed<'a>(secrets: &[&str], pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
        let (mut masker, mut out) = (masker(secrets), Vec::new());
        for piece in pieces {
            masker.push(piece, &mut out);
        }
        masker.end(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn a_secret_is_masked_wherever_it_is_cut() {
        let secret = "s3cret/a+b \"ü\"\n%";
        let percent: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let json = serde_json::to_string(secret).unwrap();
        let forms = [
            secret.to_owned(),
            STANDARD.encode(secret),
            URL_SAFE.encode(secret),
            percent,
            json[1..json.len() - 1].to_owned(),
            secret.replace('\n', "\r\n"),
            // As HTML and as JSON of ASCII have it, encoded twice, and as bytes.
            "s3cret/a&#43;b &quot;&#xFC;&quot;&#10;%".to_owned(),
            "s3cret/a+b \\\"\\u00fc\\\"\\u000a%".to_owned(),
            "s3cret%252Fa%252Bb%2520%2522%25C3%25BC%2522%250A%2525".to_owned(),
            secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
        ];
        for form in forms {
            let text = format!("before {form} behind");
            for cut in 0..=text.len() {
                let (one, two) = text.as_bytes().split_at(cut);
                assert_eq!(passed(&[secret], [one, two]), format!("before {MASK} behind"), "{cut}");
            }
            let single = text.as_bytes().chunks(1);
            assert_eq!(passed(&[secret], single), format!("before {MASK} behind"), "{form}");
        }
        let other = "before s3cret/a+b \"u\"\n% behind";
        assert_eq!(passed(&[secret], other.as_bytes().chunks(1)), other, "the control");
    }

    #[test]
    fn a_border_of_64_kib_is_no_border() {
        for before in 65_520..65_540 {
            let text = format!("{}the-secret-value{}", ".".repeat(before), ".".repeat(9));
            let out = passed(&["the-secret-value"], text.as_bytes().chunks(65_536));
            assert_eq!(out, format!("{}{MASK}{}", ".".repeat(before), ".".repeat(9)));
        }
    }

    #[test]
    fn a_pause_lets_a_letter_go_and_masks_what_follows() {
        let (mut masker, mut out) = (masker(&["yes-this-is-it"]), Vec::new());
        masker.push(b"sure? y", &mut out);
        assert_eq!(out, b"sure? ");
        assert!(masker.is_waiting());
        assert!(format!("{masker:?}").starts_with("Masker("));
        masker.pause(&mut out);
        assert_eq!(out, b"sure? y");
        assert!(!masker.is_waiting());
        masker.push(b"es-this", &mut out);
        masker.pause(&mut out);
        assert_eq!(out, b"sure? y", "more than a letter or three waits");
        masker.push(b"-is-it!", &mut out);
        masker.end(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("sure? y{MASK}!"));
    }

    #[test]
    fn what_nothing_can_change_any_more_goes_out_at_once() {
        for (secret, text, out) in [
            ("yes-this-is-it", "x yes-this-is-it", format!("x {MASK}")),
            ("yes-this-is-it", "x yes-this-is-it!", format!("x {MASK}!")),
            ("42", "code 42.", format!("code {MASK}.")),
        ] {
            let (mut masker, mut came) = (masker(&[secret]), Vec::new());
            masker.push(text.as_bytes(), &mut came);
            assert_eq!(String::from_utf8(came).unwrap(), out);
            assert!(!masker.is_waiting(), "{text}");
        }
        // What looked like the start of a spelling, and is longer than any, is one no more; a letter less may be.
        for (secret, text) in [
            ("a\nbcdef", "a\rX".to_owned()),
            ("a/bcdef", format!("a\\{}", "u".repeat(11))),
            ("a/bcdef", format!("a&{}", "x".repeat(11))),
            ("a/bcdef", format!("a%{}", "2".repeat(63))),
        ] {
            let (mut masker, mut came) = (masker(&[secret]), Vec::new());
            masker.push(&text.as_bytes()[..text.len() - 1], &mut came);
            assert!(masker.is_waiting(), "{text}");
            masker.push(&text.as_bytes()[text.len() - 1..], &mut came);
            assert_eq!(String::from_utf8(came).unwrap(), text);
            assert!(!masker.is_waiting(), "{text}");
        }
    }

    #[test]
    fn a_short_secret_waits_for_what_stands_beside_it() {
        assert_eq!(passed(&["42"], b"code 42 421 142".chunks(1)), format!("code {MASK} 421 142"));
        let (mut masker, mut out) = (masker(&["42"]), Vec::new());
        masker.push(b"code 42", &mut out);
        masker.pause(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("code {MASK}"));
    }

    /// They overlap by more than is remembered: the first must not go out as long as the second may follow.
    #[test]
    fn secrets_that_overlap_leave_no_rest_in_pieces() {
        let (secrets, text) = (["abcdefgh", "bcdefghijkl"], "x abcdefghijkl y");
        for cut in 0..=text.len() {
            let (one, two) = text.as_bytes().split_at(cut);
            assert_eq!(passed(&secrets, [one, two]), format!("x {MASK} y"), "{cut}");
        }
        assert_eq!(passed(&secrets, text.as_bytes().chunks(1)), format!("x {MASK} y"));
        assert_eq!(passed(&secrets, b"x abcdefghijk y".chunks(1)), format!("x {MASK}ijk y"), "the control");
    }

    #[test]
    fn a_pause_waits_for_the_rest_of_secrets_that_overlap() {
        let (mut masker, mut out) = (masker(&["abcd", "bcdefgh"]), Vec::new());
        masker.push(b"x abcde", &mut out);
        masker.pause(&mut out);
        assert_eq!(out, b"x ");
        masker.push(b"fgh!", &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("x {MASK}!"));
    }

    #[test]
    fn a_mask_goes_out_once() {
        let (mut masker, mut out) = (masker(&["abcd", "42"]), Vec::new());
        for piece in ["abcd", "", "!", "abcd", "."] {
            masker.push(piece.as_bytes(), &mut out);
        }
        masker.push(b" 42", &mut out);
        masker.pause(&mut out);
        masker.push(b" ", &mut out);
        masker.end(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{MASK}!{MASK}. {MASK} "));
    }

    #[test]
    fn bytes_that_are_no_text_pass() {
        let bytes: Vec<u8> = (0..=255).cycle().take(5000).collect();
        let (mut masker, mut out) = (masker(&["secret"]), Vec::new());
        bytes.chunks(7).for_each(|piece| masker.push(piece, &mut out));
        masker.end(&mut out);
        assert_eq!(out, bytes);
    }

    proptest! {
        #[test]
        fn pieces_come_out_as_the_whole(
            secret in "[ab%]{4,9}", other in "[ab]{1,5}", text in "[ab %=]{0,80}", cuts in proptest::collection::vec(1..9usize, 0..40),
        ) {
            let secrets = [Secret::from(secret.as_str()), Secret::from(other.as_str())];
            let redactor = Redactor::new(&secrets);
            let (mut masker, mut out) = (Masker::new(redactor.clone()), Vec::new());
            let mut rest = text.as_bytes();
            for cut in cuts {
                let (piece, behind) = rest.split_at(cut.min(rest.len()));
                masker.push(piece, &mut out);
                rest = behind;
            }
            masker.push(rest, &mut out);
            masker.end(&mut out);
            // Where secrets overlap, one mask may come out as two.
            let plain = |text: &str| text.split(MASK).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(MASK);
            prop_assert_eq!(plain(&String::from_utf8(out).unwrap()), plain(&redactor.clean(&text)));
        }
    }
}
