//! The clipboard of the terminal where the operator sits, by OSC 52. It is only ever written to: what it holds is not
//! asked for. Whether the terminal takes it is not known; most ask or can be told not to.
//!
//! tmux and GNU screen would keep such a sequence to themselves. In their own envelopes they hand it on unread, so that
//! no copy stays in their buffers: tmux does so where `allow-passthrough` is on.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::session::Between;

/// The most bytes that are copied: more than this, in base64, terminals cut or drop.
pub const MOST: usize = 74_994;

/// Characters in one envelope of GNU screen, which has no room for long ones.
const PIECE: usize = 512;

/// What makes a terminal keep a text; an empty one clears it.
pub fn sequence(text: &str, between: Between) -> Zeroizing<String> {
    let encoded = Zeroizing::new(STANDARD.encode(text));
    let mut sequence = Zeroizing::new(String::with_capacity(encoded.len() * 2 + 64));
    match between {
        Between::Nothing => wrap(&mut sequence, "\x1b]52;c;", &encoded, "\x07"),
        Between::Tmux => wrap(&mut sequence, "\x1bPtmux;\x1b\x1b]52;c;", &encoded, "\x07\x1b\\"),
        Between::Screen => {
            sequence.push_str("\x1bP\x1b]52;c;");
            let mut rest: &str = &encoded;
            while rest.len() > PIECE {
                let (piece, more) = rest.split_at(PIECE);
                wrap(&mut sequence, piece, "\x1b\\", "\x1bP");
                rest = more;
            }
            wrap(&mut sequence, rest, "\x07", "\x1b\\");
        }
    }
    sequence
}

fn wrap(sequence: &mut String, before: &str, text: &str, after: &str) {
    sequence.push_str(before);
    sequence.push_str(text);
    sequence.push_str(after);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_and_an_empty_one_clears() {
        assert_eq!(*sequence("hi", Between::Nothing), "\x1b]52;c;aGk=\x07");
        assert_eq!(*sequence("", Between::Nothing), "\x1b]52;c;\x07");
    }

    #[test]
    fn multiplexers_get_it_in_their_envelopes() {
        assert_eq!(*sequence("hi", Between::Tmux), "\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\");
        assert_eq!(*sequence("hi", Between::Screen), "\x1bP\x1b]52;c;aGk=\x07\x1b\\");
        // Long ones in pieces that screen puts together again.
        let long = "x".repeat(3_000);
        let sent = sequence(&long, Between::Screen);
        let pieces: Vec<&str> = sent.split("\x1bP").skip(1).collect();
        assert!(pieces.iter().all(|piece| piece.len() < 700 && piece.ends_with("\x1b\\")));
        let handed_on: String = pieces.iter().map(|piece| piece.trim_end_matches("\x1b\\")).collect();
        assert_eq!(handed_on, *sequence(&long, Between::Nothing));
    }
}
