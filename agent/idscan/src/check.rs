//! Check digits of ICAO 9303, and that of the IIN.

/// The check digit of `field` (weights 7, 3, 1; letters from 10, fillers 0), as a letter.
pub(crate) fn digit(field: impl IntoIterator<Item = u8>) -> u8 {
    let value = |letter: u8| match letter {
        b'0'..=b'9' => u32::from(letter - b'0'),
        b'A'..=b'Z' => u32::from(letter - b'A') + 10,
        _ => 0,
    };
    let sum = field
        .into_iter()
        .zip([7, 3, 1].into_iter().cycle())
        .map(|(letter, weight)| value(letter) * weight)
        .sum::<u32>();
    b'0' + (sum % 10) as u8
}

/// Whether twelve digits are an individual identification number of Kazakhstan.
pub(crate) fn is_iin(digits: &[u8]) -> bool {
    if digits.len() != 12 || !digits.iter().all(u8::is_ascii_digit) || digits.iter().all(|digit| *digit == b'0') {
        return false;
    }
    let sum =
        |weights: [u32; 11]| digits.iter().zip(weights).map(|(digit, w)| u32::from(digit - b'0') * w).sum::<u32>() % 11;
    let first = sum([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    let last = if first == 10 { sum([3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]) } else { first };
    last == u32::from(digits[11] - b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_icao_9303() {
        // Part 3, section 4.9 and appendix A; part 4, part 5 and part 6, appendices with the specimen of Utopia.
        for (field, check) in [
            ("520727", b'3'),
            ("AB2134<<<", b'5'),
            ("HA672242<658022549601086<<<<<<<<<<<<<<0", b'8'),
            ("L898902C3", b'6'),
            ("740812", b'2'),
            ("120415", b'9'),
            ("ZE184226B<<<<<", b'1'),
            ("L898902C3674081221204159ZE184226B<<<<<1", b'0'),
            ("D23145890", b'7'),
            ("D23145890774081221204159<<<<<<<", b'6'),
            ("D231458907<<<<<<<<<<<<<<<74081221204159<<<<<<<<<<<", b'6'),
        ] {
            assert_eq!(digit(field.bytes()), check, "{field}");
        }
    }

    #[test]
    fn identification_numbers() {
        assert!(is_iin(b"110101193346"));
        assert!(!is_iin(b"110101193347"));
        assert!(!is_iin(b"000000000000"));
        assert!(!is_iin(b"11010119334A"));
    }
}
