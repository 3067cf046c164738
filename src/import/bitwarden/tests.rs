use aes::Aes256;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockEncryptMut, KeyIvInit};
use hmac::{Hmac, Mac};
use serde_json::json;

use super::*;

fn sealed(keys: &Keys, plain: &str) -> String {
    let iv = [7; 16];
    let cipher = cbc::Encryptor::<Aes256>::new_from_slices(&*keys.encryption, &iv).unwrap();
    let sealed = cipher.encrypt_padded_vec_mut::<Pkcs7>(plain.as_bytes());
    let mut mac = Hmac::<Sha256>::new_from_slice(&*keys.check).unwrap();
    mac.update(&iv);
    mac.update(&sealed);
    let tag = mac.finalize().into_bytes();
    format!("2.{}|{}|{}", STANDARD.encode(iv), STANDARD.encode(sealed), STANDARD.encode(tag))
}

fn protected(kdf: Value, key: &Key) -> String {
    let keys = Keys::of(key);
    let mut value = json!({
        "encrypted": true, "passwordProtected": true, "salt": "c2FsdA==",
        "encKeyValidation_DO_NOT_EDIT": sealed(&keys, "any"),
        "data": sealed(&keys, r#"{"encrypted":false,"folders":[],"items":[{"type":1,"name":"x","login":{"password":"pw"}}]}"#),
    });
    for (name, member) in kdf.as_object().unwrap() {
        value[name] = member.clone();
    }
    value.to_string()
}

#[test]
fn a_file_with_a_password_of_its_own_opens_with_it_alone() {
    let pbkdf2 = crypt::pbkdf2(b"open sesame", b"c2FsdA==", 1000).unwrap();
    let cost = Argon2Cost {
        algorithm: Algorithm::Argon2id,
        version: Version::V0x13,
        memory: 1024,
        passes: 1,
        lanes: 1,
    };
    let argon2 = crypt::argon2(b"open sesame", &*crypt::sha256(&[b"c2FsdA=="]), cost).unwrap();
    let files = [
        protected(json!({"kdfType": 0, "kdfIterations": 1000}), &pbkdf2),
        protected(json!({"kdfType": 1, "kdfIterations": 1, "kdfMemory": 1, "kdfParallelism": 1}), &argon2),
    ];
    for file in &files {
        assert!(needs_password(file));
        let found = read(file, Some(&Secret::from("open sesame"))).unwrap();
        assert_eq!(found.items[0].values[0].text.expose(), "pw");
        let wrong = read(file, Some(&Secret::from("open"))).unwrap_err();
        assert_eq!(wrong.message, "the password does not open it");
        assert!(read(file, None).is_err());
    }
    let costly = files[0].replace("1000", "4000000000");
    assert!(read(&costly, Some(&Secret::from("x"))).unwrap_err().message.contains("more time or memory"));
}

#[test]
fn what_only_the_account_opens_is_told() {
    let file = r#"{"encrypted":true,"encKeyValidation_DO_NOT_EDIT":"2.x|y|z","items":[{"name":"2.a|b|c"}]}"#;
    assert!(!needs_password(file));
    let error = read(file, None).unwrap_err();
    assert!(error.message.contains("one Bitwarden account") && error.hint.is_some());
    assert!(read("{}", None).unwrap_err().message.contains("no export of Bitwarden"));
}
