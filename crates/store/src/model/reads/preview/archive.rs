//! The members of archives.

use std::fmt::Write as _;

/// The size of a header of a tar archive, in bytes.
pub(crate) const TAR_HEADER: u64 = 512;
/// The largest directory of a ZIP archive that is read, in bytes.
pub(crate) const MOST_DIRECTORY: u64 = 256 << 10;

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) size: u64,
}

/// Where the directory of a ZIP archive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Directory {
    pub(crate) offset: u64,
    pub(crate) length: u64,
    /// How many members it has.
    pub(crate) members: u64,
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let part: [u8; N] = bytes.get(at..at + N)?.try_into().ok()?;
    let mut all = [0; 8];
    all[..N].copy_from_slice(&part);
    Some(u64::from_le_bytes(all))
}

/// Finds the directory of a ZIP archive by the end of the archive; `None` for one of more than 4 GiB or 65,535 members, and
/// for one that is broken.
pub(crate) fn directory(tail: &[u8], size: u64) -> Option<Directory> {
    let end = memchr::memmem::rfind(tail, b"PK\x05\x06")?;
    let end = &tail[end..];
    let directory = Directory {
        members: number::<2>(end, 10)?,
        length: number::<4>(end, 12)?,
        offset: number::<4>(end, 16)?,
    };
    let is_within = directory.offset.checked_add(directory.length)? <= size;
    let is_small = directory.members != 0xffff && directory.offset != 0xffff_ffff;
    (is_within && is_small).then_some(directory)
}

/// The members of a ZIP archive, by a beginning of its directory.
pub(crate) fn zip_members(mut directory: &[u8]) -> Vec<Member> {
    let mut members = Vec::new();
    while directory.starts_with(b"PK\x01\x02") {
        let lengths = [28, 30, 32].map(|at| number::<2>(directory, at));
        let [Some(name), Some(extra), Some(comment)] = lengths else {
            break;
        };
        let end = 46 + usize::try_from(name).unwrap_or_default();
        let (Some(name), Some(size)) = (directory.get(46..end), number::<4>(directory, 24)) else {
            break;
        };
        members.push(Member {
            name: String::from_utf8_lossy(name).into_owned(),
            size,
        });
        let next = end + usize::try_from(extra + comment).unwrap_or_default();
        directory = directory.get(next..).unwrap_or_default();
    }
    members
}

/// The member of a header of a tar archive; `None` at the end and for what is not a header.
pub(crate) fn tar_member(header: &[u8]) -> Option<Member> {
    if header.get(257..262)? != b"ustar" {
        return None;
    }
    let text = |from: usize, to: usize| {
        let field = header.get(from..to).unwrap_or_default();
        let end = memchr::memchr(0, field).unwrap_or(field.len());
        String::from_utf8_lossy(&field[..end]).into_owned()
    };
    let size = u64::from_str_radix(text(124, 136).trim(), 8).ok()?;
    let (prefix, name) = (text(345, 500), text(0, 100));
    let name = match prefix.as_str() {
        "" => name,
        prefix => format!("{prefix}/{name}"),
    };
    Some(Member { name, size })
}

/// Lists members, as many as fit. The total is `None` if only the first members were read.
pub(crate) fn listed(members: &[Member], total: Option<u64>, room: usize) -> String {
    let mut text = match total {
        Some(total) => format!("{total} members\n"),
        None => "the first members\n".to_owned(),
    };
    let mut shown = 0;
    for member in members {
        let name = &member.name[..member.name.floor_char_boundary(200)];
        let mut line = String::new();
        let _ = writeln!(line, "{:>12} {}", member.size, name.escape_debug());
        if text.len() + line.len() + 40 > room {
            break;
        }
        text += &line;
        shown += 1;
    }
    match total {
        Some(total) if total > shown => {
            let _ = writeln!(text, "… and {} more", total - shown);
        }
        None if members.len() as u64 > shown => text += "… and more\n",
        _ => {}
    }
    text
}
