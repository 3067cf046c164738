//! The little that must be known of a certificate besides what the check says: when it is valid, and whether
//! it vouches for itself. Only words depend on it, never whether a connection is trusted.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

/// The first and the last moment of a certificate's life (RFC 5280, 4.1.2.5).
pub(super) fn validity(certificate: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let (_, _, after) = issuer_and_rest(certificate)?;
    let (_, validity, _) = element(after)?;
    let (first_tag, first, rest) = element(validity)?;
    let (last_tag, last, _) = element(rest)?;
    Some((time(first_tag, first)?, time(last_tag, last)?))
}

/// Whether issuer and subject of a certificate are the same bytes.
pub(super) fn signs_itself(certificate: &[u8]) -> bool {
    let names = || {
        let (_, issuer, after) = issuer_and_rest(certificate)?;
        let (_, _, after) = element(after)?;
        let (_, subject, _) = element(after)?;
        Some((issuer, subject))
    };
    names().is_some_and(|(issuer, subject)| issuer == subject)
}

type Element<'a> = (u8, &'a [u8], &'a [u8]);

/// `Certificate { tbs { [0] version?, serial, algorithm, issuer, validity, subject, … } … }`: the issuer, and
/// what stands behind it.
fn issuer_and_rest(certificate: &[u8]) -> Option<Element<'_>> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut rest, _) = element(certificate)?;
    if rest.first() == Some(&0xa0) {
        rest = element(rest)?.2;
    }
    let rest = element(element(rest)?.2)?.2;
    element(rest)
}

/// The first element: its tag, its content, and what stands behind it.
fn element(input: &[u8]) -> Option<Element<'_>> {
    let (&tag, rest) = input.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ` (tag 23; years 1950 to 2049) or `YYYYMMDDHHMMSSZ` (tag 24).
fn time(tag: u8, text: &[u8]) -> Option<Timestamp> {
    let digits = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = match (tag, digits.len()) {
        (23, 12) => {
            let year: i16 = digits[..2].parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, &digits[2..])
        }
        (24, 14) => (digits[..4].parse().ok()?, &digits[4..]),
        _ => return None,
    };
    let two = |at: usize| rest.get(at..at + 2)?.parse::<i8>().ok();
    let date = civil::Date::new(year, two(0)?, two(2)?).ok()?;
    let time = civil::Time::new(two(4)?, two(6)?, two(8)?, 0).ok()?;
    // The last second of the year 9999 means "never" (RFC 5280, 4.1.2.5), and is later than a timestamp can be.
    let moment = DateTime::from_parts(date, time).to_zoned(TimeZone::UTC);
    Some(moment.map_or(Timestamp::MAX, |moment| moment.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        let read = |tag, text: &str| time(tag, text.as_bytes()).map(|time| time.to_string());
        assert_eq!(read(23, "261122072501Z").as_deref(), Some("2026-11-22T07:25:01Z"));
        assert_eq!(read(23, "491231235959Z").as_deref(), Some("2049-12-31T23:59:59Z"));
        assert_eq!(read(23, "500101000000Z").as_deref(), Some("1950-01-01T00:00:00Z"));
        assert_eq!(read(24, "99991231235959Z").as_deref(), Some(&*Timestamp::MAX.to_string()));
        assert_eq!(read(24, "40000101000000Z").as_deref(), Some("4000-01-01T00:00:00Z"));
        for (tag, text) in
            [(23, ""), (23, "Z"), (23, "2611220725Z"), (24, "261122072501Z"), (23, "26ä12207250Z")]
        {
            assert_eq!(read(tag, text), None, "{text}");
        }
    }

    #[test]
    fn garbage_is_no_certificate() {
        for bytes in [&[][..], &[0x30], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[0x30, 2, 0x30, 0]] {
            assert_eq!(validity(bytes), None);
            assert!(!signs_itself(bytes));
        }
    }
}
