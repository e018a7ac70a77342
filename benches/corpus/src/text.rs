//! The corpus `text`: prose in three languages, CSV, JSON, SQL and log lines, with values planted at known places.

use std::fmt::Write as _;
use std::io::Write;

use anyhow::Result;

use crate::random::Random;
use crate::values::{Plant, plant};
use crate::words::{ENGLISH, KAZAKH, RUSSIAN};

#[derive(Clone, Copy)]
enum Style {
    Prose(&'static [&'static str]),
    Csv,
    Json,
    Sql,
    Log,
}

fn style(random: &mut Random) -> Style {
    match random.below(100) {
        0..=29 => Style::Prose(RUSSIAN),
        30..=39 => Style::Prose(KAZAKH),
        40..=54 => Style::Prose(ENGLISH),
        55..=69 => Style::Csv,
        70..=84 => Style::Json,
        85..=94 => Style::Sql,
        _ => Style::Log,
    }
}

/// Writes `size` bytes or a little more; `gap` bytes between planted values on average. `truth` gets a line for each:
/// offset, length, kind, 1 if valid, value.
pub(crate) fn write(text: &mut impl Write, truth: &mut impl Write, size: u64, gap: u64, seed: u64) -> Result<()> {
    let mut random = Random::new(seed);
    let (mut offset, mut next) = (0u64, gap / 2);
    let mut out = String::with_capacity(4096);
    while offset < size {
        let style = style(&mut random);
        let end = offset + random.range(4096, 65536);
        while offset < end && offset < size {
            out.clear();
            if offset >= next {
                let planted = plant(&mut random);
                let at = offset + embed(style, &planted, &mut out) as u64;
                let valid = u8::from(planted.valid);
                writeln!(truth, "{at}\t{}\t{}\t{valid}\t{}", planted.value.len(), planted.kind, planted.value)?;
                next += gap / 2 + random.below(gap);
            } else {
                piece(style, &mut random, &mut out)?;
            }
            text.write_all(out.as_bytes())?;
            offset += out.len() as u64;
        }
        text.write_all(b"\n")?;
        offset += 1;
    }
    Ok(())
}

/// Background numbers never make a run of 9, 12 or 16 digits.
fn number(random: &mut Random) -> String {
    match random.below(8) {
        0..=3 => random.below(10_000).to_string(),
        4 => format!("{}.{:02}", random.below(9_000_000), random.below(100)),
        5 => format!("17{}", random.digits(8)),
        6 => format!("17{}", random.digits(11)),
        _ => (10_000_000 + random.below(89_000_000)).to_string(),
    }
}

fn time(random: &mut Random) -> String {
    let (month, day) = (random.range(1, 9), random.range(1, 28));
    let (hour, minute, second) = (random.below(24), random.below(60), random.below(60));
    format!("2026-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:03}", random.below(1000))
}

/// A sentence, a row or a record.
fn piece(style: Style, random: &mut Random, out: &mut String) -> Result<()> {
    match style {
        Style::Prose(words) => sentence(words, random, out),
        Style::Csv => {
            write!(
                out,
                "{};{};{} {};",
                random.below(10_000_000),
                time(random),
                random.pick(RUSSIAN),
                random.pick(KAZAKH)
            )?;
            write!(out, "{};{}", number(random), number(random))?;
            writeln!(out, ";{};{}", random.pick(ENGLISH), random.pick(&["активен", "закрыт", "NEW", "PAID", "-"]))?;
        }
        Style::Json => {
            write!(out, "{{\"id\":{},\"ts\":\"{}\",", random.below(100_000_000), time(random))?;
            let (one, two, three) = (random.pick(RUSSIAN), random.pick(RUSSIAN), random.pick(ENGLISH));
            write!(out, "\"desc\":\"{one} {two} {three}\",\"amount\":{}", number(random))?;
            write!(out, ",\"uuid\":\"{:08x}-{:04x}", random.below(1 << 32), random.below(65536))?;
            write!(out, "-4{:03x}-a{:03x}", random.below(4096), random.below(4096))?;
            let last = 0xa000_0000_0000u64 + random.below(0x5fff_ffff_ffff);
            writeln!(out, "-{last:012x}\",\"ok\":{}}}", random.chance(1, 2))?;
        }
        Style::Sql => {
            let table = random.pick(&["orders", "payments", "events", "products"]);
            write!(out, "INSERT INTO public.{table} (id, created, note, qty, price) VALUES (")?;
            write!(out, "{}, '{}', ", random.below(100_000_000), time(random))?;
            write!(out, "'{} {}', ", random.pick(RUSSIAN), random.pick(KAZAKH))?;
            writeln!(out, "{}, {});", random.below(1000), number(random))?;
        }
        Style::Log => {
            write!(out, "{} INFO [{}] ", time(random), random.below(32768))?;
            write!(out, "{}: {} {} ", random.pick(ENGLISH), random.pick(ENGLISH), random.pick(ENGLISH))?;
            writeln!(out, "took={}ms size={}", random.below(5000), number(random))?;
        }
    }
    Ok(())
}

fn sentence(words: &[&str], random: &mut Random, out: &mut String) {
    let count = random.range(5, 18);
    for index in 0..count {
        let word = random.pick(words);
        if index == 0 {
            let mut characters = word.chars();
            out.extend(characters.next().into_iter().flat_map(char::to_uppercase));
            out.push_str(characters.as_str());
            continue;
        }
        out.push(' ');
        if random.chance(1, 14) {
            out.push_str(&number(random));
        } else {
            out.push_str(word);
        }
        if random.chance(1, 12) {
            out.push(',');
        }
    }
    out.push_str(if random.chance(1, 6) { ".\n" } else { ". " });
}

/// Writes the value as the style does; gives where it begins in `out`.
fn embed(style: Style, plant: &Plant, out: &mut String) -> usize {
    let (before, after) = match style {
        Style::Prose(_) => ("", ", "),
        Style::Csv => ("0;", ";x\n"),
        Style::Json => ("{\"v\":\"", "\",\"n\":1}\n"),
        Style::Sql => ("INSERT INTO public.clients (note) VALUES ('", "');\n"),
        Style::Log => ("WARN value=", "\n"),
    };
    out.push_str(before);
    out.push_str(plant.context);
    let at = out.len();
    out.push_str(&plant.value);
    out.push_str(after);
    at
}
