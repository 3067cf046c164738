//! What kind of file system a path lies on, as far as it matters to locks and to being told of changes.

use std::path::Path;

/// The name of the network file system, or of the like, that a path lies on; `None`: a disk of this machine, or
/// not known. There locks may not reach other hosts, and nothing tells what others change.
#[cfg(target_os = "linux")]
pub fn network_file_system(path: &Path) -> Option<&'static str> {
    let found = rustix::fs::statfs(path).ok()?.f_type;
    // The numbers have 32 bits; where the system's word has more, they may come with their sign spread.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "only the low 32 bits count")]
    let found = found as u32;
    name(found)
}

#[cfg(target_os = "linux")]
fn name(found: u32) -> Option<&'static str> {
    // linux/magic.h and the file systems' own sources.
    const KNOWN: [(u32, &str); 11] = [
        (0x0000_6969, "NFS"),
        (0xff53_4d42, "CIFS"),
        (0xfe53_4d42, "SMB"),
        (0x0000_517b, "SMB"),
        (0x6573_5546, "FUSE"),
        (0x0102_1997, "9p"),
        (0x5346_414f, "AFS"),
        (0x00c3_6400, "Ceph"),
        (0x7375_7245, "Coda"),
        (0x0bd0_0bd0, "Lustre"),
        (0x7461_636f, "OCFS2"),
    ];
    KNOWN.iter().find(|(magic, _)| *magic == found).map(|(_, name)| *name)
}

/// Not known on this system.
#[cfg(not(target_os = "linux"))]
pub fn network_file_system(_: &Path) -> Option<&'static str> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_their_number() {
        for (magic, known) in
            [(0x6969, Some("NFS")), (0xff53_4d42, Some("CIFS")), (0x6573_5546, Some("FUSE"))]
        {
            assert_eq!(name(magic), known);
        }
        // ext4, tmpfs, btrfs, XFS.
        for magic in [0xef53, 0x0102_1994, 0x9123_683e, 0x5846_5342] {
            assert_eq!(name(magic), None, "{magic:x}");
        }
        assert_eq!(network_file_system(Path::new("/proc")), None);
        assert_eq!(network_file_system(Path::new("/proc/none")), None);
    }
}
