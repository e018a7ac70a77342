//! A country, as two letters.

use std::fmt;

/// ISO 3166-1 alpha-2, as the time zone database lists them.
const ISO: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY \
    BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK \
    FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR \
    IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK \
    ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM \
    PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF \
    TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW \
";

/// Two letters of ISO 3166-1; registries also write `EU` and `AP` for blocks of no single country.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// Kazakhstan, whose residency rules are meant.
    pub const HOME: Country = Country(*b"KZ");

    /// Two ASCII letters in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Country> {
        let letters: [u8; 2] = text.as_bytes().try_into().ok()?;
        let upper = letters.map(|letter| letter.to_ascii_uppercase());
        upper.iter().all(u8::is_ascii_uppercase).then_some(Country(upper))
    }

    /// The same, and there is such a country: `UK` is a slip that would match nothing.
    #[must_use]
    pub fn known(text: &str) -> Option<Country> {
        Country::parse(text).filter(|country| ISO.split_whitespace().any(|code| code == country.as_str()))
    }

    /// The letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_letters_are_a_country_and_some_are_known() {
        assert_eq!(Country::parse("kz"), Some(Country::HOME));
        assert_eq!(Country::known("DE").map(|country| country.to_string()), Some("DE".to_owned()));
        assert_eq!(Country::parse("EU").map(|country| Country::known(country.as_str())), Some(None));
        for bad in ["", "K", "KAZ", "K1", "қз", "*"] {
            assert_eq!(Country::parse(bad), None, "{bad}");
        }
        assert_eq!((Country::known("UK"), ISO.split_whitespace().count()), (None, 249));
    }
}
