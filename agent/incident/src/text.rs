//! Text that enters an incident is bounded here, and long digit runs in what a person types are masked.

/// At most `limit` bytes of `text`, cut at a character and marked with `…`.
pub(crate) fn clip(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

/// `text` with every run of six or more digits replaced by stars: a reason typed by a person must not carry an IIN, a
/// card or an account into the store and out through a webhook. Spaces and dashes between digits do not break a run.
pub(crate) fn mask_digits(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    while from < chars.len() {
        if !chars[from].is_numeric() {
            out.push(chars[from]);
            from += 1;
            continue;
        }
        let (mut end, mut digits, mut next) = (from, 0, from);
        while next < chars.len() && (chars[next].is_numeric() || (matches!(chars[next], ' ' | '-') && next == end)) {
            if chars[next].is_numeric() {
                digits += 1;
                end = next + 1;
            }
            next += 1;
        }
        if digits >= 6 {
            out.extend(std::iter::repeat_n('*', digits));
        } else {
            out.extend(&chars[from..end]);
        }
        from = end;
    }
    out
}

/// `12340` as `12,340`.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_masked_and_short_ones_stay() {
        assert_eq!(mask_digits("client 000101500000 asked, ticket 4711"), "client ************ asked, ticket 4711");
        assert_eq!(mask_digits("call +7 700 000 00 00 now"), "call +*********** now");
        assert_eq!(mask_digits("17:30, 2 rows"), "17:30, 2 rows");
    }

    #[test]
    fn clips_at_a_character() {
        assert_eq!(clip("қазақ", 3), "қ…");
        assert_eq!(clip("abc", 3), "abc");
    }

    #[test]
    fn groups_thousands() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(12_340), "12,340");
        assert_eq!(thousands(1_000_000), "1,000,000");
    }
}
