//! A vault's plaintext (Z1): what can be read is written and read again the same, and no member stands twice.

use credbench::vault::{Header, decode, encode};

pub fn vault(data: &[u8]) {
    let Ok(read) = decode(data) else { return };
    let header = match read.header {
        Some(header) => header,
        None => return,
    };
    // Signatures are of a fixed size; whose it is does not matter here.
    let signature = "A".repeat(86) + "==";
    let written =
        encode(&read.document, &header, |_, _| signature.clone()).expect("what was read can be written");
    let again = decode(&written).expect("what was written can be read");
    assert!(again.document == read.document, "a document changed on its way");
    assert!(same(again.header.as_ref(), &header), "a header changed on its way");
    assert!(again.signature.is_err(), "a signature of nobody was believed");
    twice(&written);
}

fn same(read: Option<&Header>, written: &Header) -> bool {
    read == Some(written)
}

/// A copy of a member makes two readers see two documents: it must be refused.
fn twice(written: &[u8]) {
    let mut doubled = written.strip_suffix(b"}\n").expect("an object ends it").to_vec();
    doubled.extend_from_slice(br#","body":{}}"#);
    assert!(decode(&doubled).is_err(), "a second body was not seen");
}
