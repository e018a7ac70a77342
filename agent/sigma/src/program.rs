//! Lowered rules: what the matcher evaluates, free of names, modifiers and YAML.

use crate::condition::Condition;
use crate::event::FieldId;
use crate::modifier::{Order, TimePart};
use crate::pattern::Pattern;
use crate::regex::RegexId;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// A rule, ready to be evaluated.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// Name and tree of each selection.
    pub(crate) selections: Vec<(Box<str>, Tree)>,
    /// Over the selections.
    pub(crate) condition: Condition,
}

impl Program {
    /// Appends the fields it asks for.
    pub(crate) fn fields(&self, into: &mut Vec<FieldId>) {
        self.selections.iter().for_each(|(_, tree)| tree.fields(into));
    }
}

impl Tree {
    fn fields(&self, into: &mut Vec<FieldId>) {
        match self {
            Self::All(trees) | Self::Any(trees) => trees.iter().for_each(|tree| tree.fields(into)),
            Self::Test(test) => into.extend(test.fields()),
        }
    }
}

/// What a selection asks for.
#[derive(Debug, Clone)]
pub(crate) enum Tree {
    All(Box<[Self]>),
    Any(Box<[Self]>),
    Test(Box<Test>),
}

/// What is asked of the values of one field.
#[derive(Debug, Clone)]
pub(crate) struct Test {
    pub(crate) field: FieldId,
    pub(crate) checks: Box<[Check]>,
    /// Every check has to hold for some value, not any.
    pub(crate) all: bool,
    /// The field is there and the checks do not hold.
    pub(crate) neq: bool,
}

impl Test {
    /// The fields it asks for.
    pub(crate) fn fields(&self) -> impl Iterator<Item = FieldId> {
        let other = |check: &Check| if let Check::Field { field, .. } = check { Some(*field) } else { None };
        std::iter::once(self.field).chain(self.checks.iter().filter_map(other))
    }
}

/// What is asked of one value.
#[derive(Debug, Clone)]
pub(crate) enum Check {
    Text(Pattern),
    /// One of these texts, folded and sorted.
    OneOf(Box<[Box<str>]>),
    /// Null, or absent.
    Null,
    Bool(bool),
    Number(Order, Number),
    Time(TimePart, Order, i64),
    Regex(RegexId),
    Network(Network),
    Exists(bool),
    /// One of the spellings of a value.
    Any(Box<[Self]>),
    Field {
        field: FieldId,
        before: bool,
        behind: bool,
        cased: bool,
    },
}

/// A number, exact where it is whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Int(i128),
    Float(f64),
}

impl Number {
    /// A number as a log writes it.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let first = text.bytes().next()?;
        if !(first.is_ascii_digit() || b"+-.".contains(&first)) {
            return None;
        }
        text.parse().map(Self::Int).ok().or_else(|| text.parse().ok().filter(|n: &f64| n.is_finite()).map(Self::Float))
    }

    #[allow(clippy::cast_precision_loss, reason = "a fraction is compared with a whole number as fractions are")]
    fn float(self) -> f64 {
        match self {
            Self::Int(number) => number as f64,
            Self::Float(number) => number,
        }
    }

    /// Whether `self` stands in `order` to `other`.
    pub(crate) fn is(self, order: Order, other: Self) -> bool {
        let ordering = match (self, other) {
            (Self::Int(one), Self::Int(other)) => Some(one.cmp(&other)),
            _ => self.float().partial_cmp(&other.float()),
        };
        ordering.is_some_and(|ordering| match order {
            Order::Equal => ordering.is_eq(),
            Order::Less => ordering.is_lt(),
            Order::AtMost => ordering.is_le(),
            Order::Greater => ordering.is_gt(),
            Order::AtLeast => ordering.is_ge(),
            Order::NotEqual => ordering.is_ne(),
        })
    }
}

/// A block of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: u128,
    bits: u32,
    v4: bool,
}

impl Network {
    /// Reads `address/bits`; bits of the host are cut off.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let (address, width, v4): (u128, u32, bool) = match address {
            IpAddr::V4(address) => (u128::from(u32::from(address)), 32, true),
            IpAddr::V6(address) => (u128::from(address), 128, false),
        };
        let bits = match bits {
            None => width,
            Some(bits) if bits.len() <= 3 && bits.bytes().all(|byte| byte.is_ascii_digit()) => bits.parse().ok()?,
            Some(_) => return None,
        };
        let unused: u32 = width.checked_sub(bits)?;
        Some(Self { address: address.checked_shr(unused).unwrap_or(0), bits: unused, v4 })
    }

    /// Whether the address that `text` is lies inside. An IPv4 address written as IPv6 is the same host.
    pub(crate) fn holds(self, text: &str) -> bool {
        let Ok(address) = text.parse::<IpAddr>() else { return false };
        let inside = |address: u128| address.checked_shr(self.bits).unwrap_or(0) == self.address;
        match address {
            IpAddr::V4(address) => self.v4 && inside(u128::from(u32::from(address))),
            IpAddr::V6(address) if self.v4 => mapped(address).is_some_and(inside),
            IpAddr::V6(address) => inside(u128::from(address)),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address.checked_shl(self.bits).unwrap_or(0);
        match (self.v4, u32::try_from(address)) {
            (true, Ok(address)) => write!(f, "{}/{}", std::net::Ipv4Addr::from(address), 32 - self.bits),
            _ => write!(f, "{}/{}", Ipv6Addr::from(address), 128 - self.bits),
        }
    }
}

fn mapped(address: Ipv6Addr) -> Option<u128> {
    address.to_ipv4_mapped().map(|address| u128::from(u32::from(address)))
}
