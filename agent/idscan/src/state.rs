//! States and organisations that issue documents: the three-letter codes of ICAO 9303-3, section 5.

const CODES: &str = "\
ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR BHR BHS BIH BLM BLR BLZ \
BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL COM CPV CRI CUB CUW CXR CYM CYP CZE D<< \
DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK FRA FRO FSM GAB GBR GEO GGY GHA GIB GIN GLP GMB GNB GNQ GRC \
GRD GRL GTM GUF GUM GUY HKG HMD HND HRV HTI HUN IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA JAM JEY JOR JPN KAZ KEN KGZ KHM \
KIR KNA KOR KWT LAO LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA MAC MAF MAR MCO MDA MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG \
MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL NER NFK NGA NIC NIU NLD NOR NPL NRU NZL OMN PAK PAN PCN PER PHL PLW PNG POL \
PRI PRK PRT PRY PSE PYF QAT REU ROU RUS RWA SAU SDN SEN SGP SGS SHN SJM SLB SLE SLV SMR SOM SPM SRB SSD STP SUR SVK SVN \
SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON TTO TUN TUR TUV TWN TZA UGA UKR UMI URY USA UTO UZB VAT VCT VEN \
VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE EUE GBD GBN GBO GBP GBS RKS UNA UNK UNO XAA XBA XCC XCE XCO XCT XDC XEC XES XIM \
XMP XOM XPO XSN XXA XXB XXC XXX ";

/// An issuing state or organisation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct State(&'static str);

impl State {
    /// Three letters; Germany is `D`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0
    }

    /// Utopia, in whose name specimens are printed.
    #[must_use]
    pub fn is_specimen(self) -> bool {
        self.0 == "UTO"
    }

    /// From three letters of a zone; a digit stands for the letters of its shape.
    pub(crate) fn read(letters: &[u8]) -> Option<State> {
        let codes = || CODES.as_bytes().chunks(4).map(|code| &code[..3]);
        let like = |(letter, code): (&u8, &u8)| letter == code || letter.is_ascii_digit() && *letter == shape(*code);
        let at = codes().position(|code| letters.len() == 3 && letters.iter().zip(code).all(like))?;
        Some(State(CODES.get(at * 4..at * 4 + 3)?.trim_end_matches('<')))
    }
}

/// The digit that is taken for a letter.
fn shape(letter: u8) -> u8 {
    match letter {
        b'O' | b'Q' | b'D' => b'0',
        b'I' | b'L' => b'1',
        b'Z' => b'2',
        b'S' => b'5',
        b'G' => b'6',
        b'B' => b'8',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_read() {
        assert!(CODES.len().is_multiple_of(4));
        for code in CODES.split_terminator(' ') {
            assert_eq!(State::read(code.as_bytes()).map(State::code), Some(code.trim_end_matches('<')));
        }
        assert_eq!(State::read(b"KAZ").map(State::is_specimen), Some(false));
        assert_eq!(State::read(b"UTO").map(State::is_specimen), Some(true));
        assert_eq!(State::read(b"AZE").map(State::code), Some("AZE"));
        assert_eq!(State::read(b"0<<").map(State::code), Some("D"));
        assert_eq!(State::read(b"0MN").map(State::code), Some("OMN"));
        assert_eq!(State::read(b"DOM").map(State::code), Some("DOM"));
        assert_eq!(State::read(b"DMN"), None);
        for none in [&b"AZ "[..], b"", b"K", b"kaz", b"<<<", b" KA"] {
            assert_eq!(State::read(none), None);
        }
    }
}
