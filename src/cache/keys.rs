//! Keys of the login session's keyring. Everything goes by the keyring that is there: to ask for one that would be made
//! gives a keyring of this process alone where the login has none.

#[cfg(target_os = "linux")]
pub(super) use kernel::{drop_all, keep, read};

#[cfg(target_os = "linux")]
mod kernel {
    use linux_keyutils::{
        Key, KeyError, KeyPermissions, KeyPermissionsBuilder, KeyRing, KeyRingIdentifier, KeySerialId,
        Permission,
    };
    use zeroize::Zeroizing;

    use crate::cache::{LARGEST, Unkept};

    /// What the kernel takes in the place of a number for the session's keyring.
    const SESSION: KeySerialId = KeySerialId(KeyRingIdentifier::Session as i32);

    /// The largest keyring that is looked through, in bytes; a number takes four.
    const MOST: usize = 1024 * 1024;

    /// Whoever has the key in a keyring of theirs reads it; nobody changes it, or gives it another end.
    fn permissions() -> KeyPermissions {
        let possessor = Permission::VIEW | Permission::READ | Permission::SEARCH | Permission::LINK;
        KeyPermissionsBuilder::builder().posessor(possessor).build()
    }

    /// What a key of this name holds, where it was made as we make them.
    pub(in crate::cache) fn read(prefix: &str, name: &str) -> Option<Zeroizing<Vec<u8>>> {
        let key = ours(prefix).find(|(_, known)| known == name)?.0;
        let (found, own) = (key.metadata().ok()?, rustix::process::geteuid().as_raw());
        if found.get_uid() != own || found.get_perms().bits() != permissions().bits() {
            return None;
        }
        let mut bytes = Zeroizing::new(vec![0; LARGEST]);
        let len = key.read(&mut bytes).ok()?;
        (len <= bytes.len()).then(|| bytes.truncate(len))?;
        Some(bytes)
    }

    /// Keeps a key in the session's keyring, in the place of one of the same name.
    pub(in crate::cache) fn keep(name: &str, bytes: &[u8], seconds: u32) -> Result<(), Unkept> {
        let session = KeyRing::from_special_id(KeyRingIdentifier::Session, false).map_err(why)?;
        // It is made where it ends with this process, and stands in the session only once it has its time.
        let own = KeyRing::from_special_id(KeyRingIdentifier::Process, true).map_err(why)?;
        let key = own.add_key(name, bytes).map_err(why)?;
        let timed = key.set_timeout(seconds as usize).and_then(|()| key.set_perms(permissions()));
        let kept = timed.and_then(|()| session.link_key(key));
        if kept.is_err() {
            let _ = key.invalidate();
        }
        let _ = own.unlink_key(key);
        kept.map_err(why)
    }

    /// Drops all keys whose names begin so.
    pub(in crate::cache) fn drop_all(prefix: &str) {
        for (key, _) in ours(prefix) {
            let _ = key.invalidate();
        }
    }

    /// The keys in the session's keyring whose names begin so, with their names. What stands in a keyring within it is
    /// none of ours: other sessions may have put it there.
    fn ours(prefix: &str) -> impl Iterator<Item = (Key, String)> {
        let numbers = links().unwrap_or_default();
        numbers.into_iter().filter_map(move |number| {
            let key = Key::from_id(KeySerialId(number));
            let name = key.metadata().ok()?.get_description().to_owned();
            name.starts_with(prefix).then_some((key, name))
        })
    }

    /// The numbers of what stands in the session's keyring.
    fn links() -> Option<Vec<i32>> {
        let mut bytes = vec![0; 1024];
        loop {
            // How long it is, also where that is more than fits.
            let len = Key::from_id(SESSION).read(&mut bytes).ok()?;
            if len <= bytes.len() {
                bytes.truncate(len);
                break;
            }
            (len <= MOST).then(|| bytes.resize(len, 0))?;
        }
        let number = |four: &[u8]| Some(i32::from_ne_bytes(four.try_into().ok()?));
        bytes.chunks_exact(4).map(number).collect()
    }

    fn why(error: KeyError) -> Unkept {
        const NO_SUCH_CALL: i32 = rustix::io::Errno::NOSYS.raw_os_error();
        match error {
            KeyError::QuotaExceeded => Unkept::Quota,
            KeyError::PermissionDenied | KeyError::AccessDenied => Unkept::Forbidden,
            KeyError::Unknown(NO_SUCH_CALL) | KeyError::OperationNotSupported => Unkept::Unsupported,
            KeyError::Unknown(number) => {
                Unkept::Refused(std::io::Error::from_raw_os_error(number).to_string())
            }
            other => Unkept::Refused(other.to_string()),
        }
    }
}

/// Where the kernel has no keyrings nothing is kept.
#[cfg(not(target_os = "linux"))]
mod nothing {
    use zeroize::Zeroizing;

    use crate::cache::Unkept;

    pub(in crate::cache) fn read(_: &str, _: &str) -> Option<Zeroizing<Vec<u8>>> {
        None
    }

    pub(in crate::cache) fn keep(_: &str, _: &[u8], _: u32) -> Result<(), Unkept> {
        Err(Unkept::Unsupported)
    }

    pub(in crate::cache) fn drop_all(_: &str) {}
}

#[cfg(not(target_os = "linux"))]
pub(super) use nothing::{drop_all, keep, read};
