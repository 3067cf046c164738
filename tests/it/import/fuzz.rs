//! Any bytes into any reader (Z3): an answer or a mistake, never a panic, never without end.

use credbench::import::{Format, Unlock, pass, read};
use proptest::prelude::*;

use crate::fuzz::targets::FORMATS;

/// Files that are right, for bytes that are nearly so.
const SEEDS: [&str; 8] = [
    "A=1\nexport B='two'\nC=\"x\\n${D}\" # c\n",
    "{\"a\":{\"b\":[1,\"x\"]},\"c\":null}",
    "name,url,username,password,notes\n\"a,\"\"b\",https://x.example,u,p,\"n\nn\"\n",
    "{\"encrypted\":false,\"folders\":[],\"items\":[{\"type\":1,\"name\":\"x\",\"login\":{\"password\":\"p\",\"uris\":[{\"uri\":\"https://x\"}]},\"fields\":[{\"name\":\"f\",\"value\":\"v\",\"type\":1}]}]}",
    "<KeePassFile><Meta/><Root><Group><Name>R</Name><Entry><String><Key>Title</Key><Value>t</Value></String><String><Key>Password</Key><Value Protected=\"True\">cHc=</Value></String></Entry></Group></Root></KeePassFile>",
    "[default]\naws_access_key_id=A\naws_secret_access_key=s\n[profile p]\nrole_arn=r\nsource_profile=default\ns3 =\n  x = 1\n",
    "{\"info\":{\"name\":\"x\"},\"variable\":[{\"key\":\"a\",\"value\":\"b\"}],\"item\":[{\"name\":\"r\",\"request\":{\"url\":\"{{a}}\",\"auth\":{\"type\":\"bearer\",\"bearer\":[{\"key\":\"token\",\"value\":\"{{a}}\"}]}}}]}",
    "[{\"name\":\"x\",\"type\":\"slackApi\",\"data\":{\"accessToken\":\"t\",\"o\":{\"p\":1}}}]",
];

fn read_all(bytes: &[u8]) {
    let unlock = Unlock { password: Some("x".into()), key_file: Some(bytes.to_vec().into()) };
    for format in FORMATS {
        let _ = format.needs_password(bytes);
        let _ = read(format, bytes, &unlock);
    }
    let _ = pass::entry("a/b", &String::from_utf8_lossy(bytes));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_all(&bytes);
        // Behind the start of a database, and before the end of an archive.
        read_all(&[&[3, 0xd9, 0xa2, 0x9a, 0x67, 0xfb, 0x4b, 0xb5, 1, 0, 3 + bytes.len() as u8 % 2, 0][..], &bytes].concat());
        read_all(&[&bytes[..], b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &bytes].concat());
    }

    #[test]
    fn nearly_right_files(seed in 0..SEEDS.len(), at in any::<prop::sample::Index>(), put in ".{0,4}", cut in 0..8usize) {
        let text = SEEDS[seed];
        let mut start = at.index(text.len() + 1);
        while !text.is_char_boundary(start) { start -= 1; }
        let end = (start + cut).min(text.len());
        let changed = format!("{}{put}{}", &text[..start], text.get(end..).unwrap_or_default());
        read_all(changed.as_bytes());
    }
}

#[test]
fn the_seeds_are_right() {
    let formats = [
        Format::Dotenv,
        Format::Json,
        Format::Csv,
        Format::Bitwarden,
        Format::KeepassXml,
        Format::Aws,
        Format::Postman,
        Format::N8n,
    ];
    for (seed, format) in SEEDS.iter().zip(formats) {
        let found = read(format, seed.as_bytes(), &Unlock::default())
            .unwrap_or_else(|error| panic!("{format:?}: {error}"));
        assert!(!found.items.is_empty());
    }
}
