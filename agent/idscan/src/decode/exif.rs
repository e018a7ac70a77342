//! What Exif tells of where a picture comes from: which way up, how fine, and whether a scanner made it.

/// Where a picture comes from.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Origin {
    /// 1 to 8; others are none.
    pub(super) orientation: u16,
    /// Points to an inch.
    pub(super) dpi: Option<u32>,
    pub(super) scanner: bool,
}

/// Words of makers and programs that scan paper, in small letters.
const SCANNERS: [&[u8]; 20] = [
    b"scan",
    b"mfp",
    b"officejet",
    b"laserjet",
    b"deskjet",
    b"workforce",
    b"xerox",
    b"workcentre",
    b"versalink",
    b"kyocera",
    b"taskalfa",
    b"ecosys",
    b"ricoh",
    b"imagerunner",
    b"i-sensys",
    b"bizhub",
    b"naps2",
    b"twain",
    b"brother",
    b"lexmark",
];

/// Whether `text` names something that scans.
pub(super) fn is_scanner(text: &[u8]) -> bool {
    let small = text.get(..text.len().min(200)).unwrap_or_default().to_ascii_lowercase();
    SCANNERS.iter().any(|word| small.windows(word.len()).any(|part| part == *word))
}

/// Adds what the first directory of `exif` says, with or without its own head.
pub(super) fn read(exif: &[u8], origin: &mut Origin) {
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let little = match tiff {
        [b'I', b'I', ..] => true,
        [b'M', b'M', ..] => false,
        _ => return,
    };
    let two = |at: usize| {
        let bytes = *tiff.get(at..)?.first_chunk::<2>()?;
        Some(if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let four = |at: usize| {
        let bytes = *tiff.get(at..)?.first_chunk::<4>()?;
        Some(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    let Some(start) = four(4).map(|at| at as usize) else { return };
    let (mut density, mut inches) = (None, true);
    for entry in 0..usize::from(two(start).unwrap_or(0).min(200)) {
        let at = start.saturating_add(2 + entry * 12);
        let (Some(tag), Some(count), Some(value)) = (two(at), four(at + 4), four(at + 8)) else { break };
        match tag {
            0x0112 => origin.orientation = two(at + 8).unwrap_or(1),
            0x0128 => inches = two(at + 8) != Some(3),
            0x011A => {
                let (over, under) = (four(value as usize), four((value as usize).saturating_add(4)));
                density = over.zip(under).filter(|(_, under)| *under > 0).map(|(over, under)| over / under);
            }
            // Make, model, program.
            0x010F | 0x0110 | 0x0131 => {
                let from = if count <= 4 { at + 8 } else { value as usize };
                let text = tiff.get(from..).and_then(|rest| rest.get(..rest.len().min(count as usize)));
                origin.scanner |= text.is_some_and(is_scanner);
            }
            _ => {}
        }
    }
    if let Some(density) = density {
        origin.set_density(density, inches);
    }
}

impl Origin {
    /// Points to an inch, or to a centimetre; what no scanner says is nothing.
    pub(super) fn set_density(&mut self, density: u32, inches: bool) {
        let dpi = if inches { u64::from(density) } else { u64::from(density) * 254 / 100 };
        self.dpi = u32::try_from(dpi).ok().filter(|dpi| (90..=4800).contains(dpi)).or(self.dpi);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Exif with an orientation, a maker and a density.
    pub(crate) fn exif(orientation: u16, maker: &str, density: u32) -> Vec<u8> {
        let mut out = b"MM\0*\0\0\0\x08\0\x04".to_vec();
        let end = 8 + 2 + 4 * 12 + 4;
        let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
            [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value].concat()
        };
        let short = |value: u16| [value.to_be_bytes(), [0, 0]].concat().try_into().expect("four bytes");
        out.extend(entry(0x010F, 2, maker.len() as u32, (end as u32 + 8).to_be_bytes()));
        out.extend(entry(0x0112, 3, 1, short(orientation)));
        out.extend(entry(0x011A, 5, 1, (end as u32).to_be_bytes()));
        out.extend(entry(0x0128, 3, 1, short(2)));
        out.extend([0; 4]);
        out.extend([density.to_be_bytes(), 1u32.to_be_bytes()].concat());
        out.extend(maker.as_bytes());
        out
    }

    #[test]
    fn what_exif_tells() {
        let mut origin = Origin::default();
        read(&exif(6, "FUJITSU ScanSnap iX500", 300), &mut origin);
        assert_eq!(origin, Origin { orientation: 6, dpi: Some(300), scanner: true });
        let mut phone = Origin::default();
        read(&exif(8, "Apple iPhone", 72), &mut phone);
        assert_eq!(phone, Origin { orientation: 8, dpi: None, scanner: false });
    }

    #[test]
    fn broken_exif_tells_what_it_can() {
        let whole = exif(3, "Canon MF440 MFP", 600);
        for end in 0..whole.len() {
            read(&whole[..end], &mut Origin::default());
        }
    }
}
