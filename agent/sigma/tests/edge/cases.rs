//! The edge cases: name, selections with their condition (below `detection:`), event, what must come of it.
//!
//! Where the published notes leave the answer open, the comment says what decided.

use super::{Case, Expected};
use Expected::{Hit, Miss, Refused};

const fn case(name: &'static str, detection: &'static str, event: &'static str, expected: Expected) -> Case {
    Case { name, detection, event, expected, head: "" }
}

/// A case about attributes beside the detection.
const fn head(name: &'static str, head: &'static str, expected: Expected) -> Case {
    Case { name, detection: "{sel: {a: x}, condition: sel}", event: r#"{"a": "x"}"#, expected, head }
}

pub(crate) const CASES: &[Case] = &[
    // Null and absence.
    case("null matches absent field", "{sel: {a: null}, condition: sel}", r#"{"b": 1}"#, Hit),
    case("null matches null", "{sel: {a: null}, condition: sel}", r#"{"a": null}"#, Hit),
    case("not null-filter on absent field", "{sel: {b: 1}, f: {a: null}, condition: sel and f}", r#"{"b": 1}"#, Hit),
    case(
        "null-filter takes out an absent field",
        "{sel: {b: 1}, f: {a: null}, condition: sel and not f}",
        r#"{"b": 1}"#,
        Miss,
    ),
    // Keywords.
    case("keyword substring", "{kw: [whoami], condition: kw}", r#"{"m": "run whoami now"}"#, Hit),
    case("keyword with own wildcards", "{kw: ['*who*mi*'], condition: kw}", r#"{"m": "run whoami now"}"#, Hit),
    case("keyword exact", "{kw: [whoami], condition: kw}", r#"{"m": "whoami"}"#, Hit),
    case("keyword /all map", "{kw: {'|all': [one, two]}, condition: kw}", r#"{"m": "has one and two"}"#, Hit),
    case("keyword /all across fields", "{kw: {'|all': [one, two]}, condition: kw}", r#"{"m": "one", "n": "two"}"#, Hit),
    case(
        "keyword /all, one missing",
        "{kw: {'|all': [one, two]}, condition: kw}",
        r#"{"m": "one", "n": "three"}"#,
        Miss,
    ),
    case("keyword scalar string selection", "{kw: whoami, condition: kw}", r#"{"m": "run whoami"}"#, Hit),
    case("keyword nested array", "{kw: [deep], condition: kw}", r#"{"m": {"l": [1, ["so deep"]]}}"#, Hit),
    // Types.
    case("int rule vs string event", "{sel: {a: 12}, condition: sel}", r#"{"a": "12"}"#, Hit),
    case("string rule vs int event", "{sel: {a: '12'}, condition: sel}", r#"{"a": 12}"#, Hit),
    case("int rule vs float event", "{sel: {a: 12}, condition: sel}", r#"{"a": 12.0}"#, Hit),
    case("bool rule vs string event", "{sel: {a: true}, condition: sel}", r#"{"a": "true"}"#, Hit),
    case("bool rule vs 'True' string", "{sel: {a: true}, condition: sel}", r#"{"a": "True"}"#, Hit),
    case("negative int", "{sel: {a: -5}, condition: sel}", r#"{"a": -5}"#, Hit),
    // Arrays and nesting.
    case("array any contains", "{sel: {a|contains: ell}, condition: sel}", r#"{"a": ["x", "hello"]}"#, Hit),
    case("array eq", "{sel: {a: hello}, condition: sel}", r#"{"a": ["x", "hello"]}"#, Hit),
    // Each value has to be found, and any element may hold it: so "all" reads for every list.
    case("array /all", "{sel: {a|contains|all: [ell, orl]}, condition: sel}", r#"{"a": ["hello", "world"]}"#, Hit),
    case("array of objects nested", "{sel: {a.b: x}, condition: sel}", r#"{"a": [{"b": "y"}, {"b": "x"}]}"#, Hit),
    case("nested dot", "{sel: {a.b: x}, condition: sel}", r#"{"a": {"b": "x"}}"#, Hit),
    case("dotted prefix key", "{sel: {a.b.c: x}, condition: sel}", r#"{"a.b": {"c": "x"}}"#, Hit),
    case("nested with modifier", "{sel: {a.b|contains: el}, condition: sel}", r#"{"a": {"b": "hello"}}"#, Hit),
    case("field name case", "{sel: {A: x}, condition: sel}", r#"{"a": "x"}"#, Miss),
    // Numbers.
    case("gt int/int", "{sel: {a|gt: 5}, condition: sel}", r#"{"a": 6}"#, Hit),
    case("gt int rule/float event", "{sel: {a|gt: 5}, condition: sel}", r#"{"a": 5.5}"#, Hit),
    case("gt int rule/string event", "{sel: {a|gt: 5}, condition: sel}", r#"{"a": "6"}"#, Hit),
    case("gt string cmp '9' vs '15'", "{sel: {a|gt: '9'}, condition: sel}", r#"{"a": "15"}"#, Hit),
    case("gt huge u64", "{sel: {a|gt: 5}, condition: sel}", r#"{"a": 18446744073709551615}"#, Hit),
    case("lte", "{sel: {a|lte: 5}, condition: sel}", r#"{"a": 5}"#, Hit),
    case("neq", "{sel: {a|neq: x}, condition: sel}", r#"{"a": "y"}"#, Hit),
    // Regular expressions.
    case("re/i", "{sel: {a|re|i: 'FO+'}, condition: sel}", r#"{"a": "xfoo"}"#, Hit),
    case("re/m", "{sel: {a|re|m: '^b$'}, condition: sel}", r#"{"a": "a\nb\nc"}"#, Hit),
    case("re/s", "{sel: {a|re|s: 'a.b'}, condition: sel}", r#"{"a": "a\nb"}"#, Hit),
    case("re case-sensitive", "{sel: {a|re: 'FOO'}, condition: sel}", r#"{"a": "foo"}"#, Miss),
    case("re inline (?i)", "{sel: {a|re: '(?i)FOO'}, condition: sel}", r#"{"a": "foo"}"#, Hit),
    // Look-around costs more than linear time.
    case("re lookahead", "{sel: {a|re: '(?=foo)bar'}, condition: sel}", "{}", Refused("KZ314")),
    case("re int value", "{sel: {a|re: 12}, condition: sel}", r#"{"a": "x12"}"#, Hit),
    case("re on array", "{sel: {a|re: 'fo+'}, condition: sel}", r#"{"a": ["x", "foo"]}"#, Hit),
    case("re escaped slash PCRE \\/", r"{sel: {a|re: 'a\/b'}, condition: sel}", r#"{"a": "a/b"}"#, Hit),
    case("contains int value", "{sel: {a|contains: 12}, condition: sel}", r#"{"a": "x12y"}"#, Hit),
    case("contains on int field", "{sel: {a|contains: '23'}, condition: sel}", r#"{"a": 1234}"#, Hit),
    // False would make `not` fire on every event.
    case("expand unresolved", "{sel: {a|expand: '%nobody%'}, condition: sel}", "{}", Refused("KZ315")),
    // Encodings.
    case(
        "base64offset contains",
        "{sel: {a|base64offset|contains: 'http://'}, condition: sel}",
        r#"{"a": "eCBodHRwOi8vYQ=="}"#,
        Hit,
    ),
    case("base64 full eq", "{sel: {a|base64: foobar}, condition: sel}", r#"{"a": "Zm9vYmFy"}"#, Hit),
    case("base64 contains prefix", "{sel: {a|base64|contains: foob}, condition: sel}", r#"{"a": "Zm9vYmFy"}"#, Miss),
    case("base64 case-sens", "{sel: {a|base64: foobar}, condition: sel}", r#"{"a": "zm9vymfy"}"#, Miss),
    case(
        "wide/base64offset (spec order)",
        "{sel: {a|wide|base64offset|contains: 'ping'}, condition: sel}",
        r#"{"a": "cABpAG4AZwA="}"#,
        Hit,
    ),
    case("utf16le alone", "{sel: {a|utf16le: ab}, condition: sel}", r#"{"a": "a\u0000b\u0000"}"#, Hit),
    case("windash /", "{sel: {a|windash|contains: ' -f'}, condition: sel}", r#"{"a": "cmd /f"}"#, Hit),
    case("windash en-dash", "{sel: {a|windash|contains: ' -f'}, condition: sel}", r#"{"a": "cmd –f"}"#, Hit),
    case("windash en-dash in rule", "{sel: {a|windash|contains: ' –f'}, condition: sel}", r#"{"a": "cmd -f"}"#, Hit),
    case("windash two flags", "{sel: {a|windash|contains: '-f -g'}, condition: sel}", r#"{"a": "x /f —g"}"#, Hit),
    case(
        "windash/all",
        "{sel: {a|windash|contains|all: [' -f', ' -g']}, condition: sel}",
        r#"{"a": "x /f y -g"}"#,
        Hit,
    ),
    case(
        "base64offset/all",
        "{sel: {a|base64offset|contains|all: [foo, bar]}, condition: sel}",
        r#"{"a": "Zm9vIGJhcg=="}"#,
        // One value has three spellings, and each value needs one of them.
        Hit,
    ),
    // Networks.
    case("cidr v4", "{sel: {a|cidr: 10.0.0.0/8}, condition: sel}", r#"{"a": "10.1.2.3"}"#, Hit),
    case("cidr host bits set", "{sel: {a|cidr: 10.0.0.1/8}, condition: sel}", r#"{"a": "10.1.2.3"}"#, Hit),
    case("cidr v6", "{sel: {a|cidr: '2001:db8::/32'}, condition: sel}", r#"{"a": "2001:db8::1"}"#, Hit),
    // The same host, as a socket that serves both families writes it (RFC 4291, 2.5.5.2).
    case("cidr v4-mapped v6", "{sel: {a|cidr: 10.0.0.0/8}, condition: sel}", r#"{"a": "::ffff:10.1.2.3"}"#, Hit),
    case("cidr array", "{sel: {a|cidr: 10.0.0.0/8}, condition: sel}", r#"{"a": ["1.1.1.1", "10.1.2.3"]}"#, Hit),
    // Existence.
    case("exists true", "{sel: {a|exists: true}, condition: sel}", r#"{"a": 1}"#, Hit),
    case("exists false", "{sel: {a|exists: false}, condition: sel}", r#"{"b": 1}"#, Hit),
    // "exists" is about the field, null is about its value: without this nothing could tell the two apart.
    case("exists true on null", "{sel: {a|exists: true}, condition: sel}", r#"{"a": null}"#, Hit),
    // YAML 1.1, which many rules are written in, takes it for a boolean.
    case("exists yes-string", "{sel: {a|exists: yes}, condition: sel}", r#"{"a": 1}"#, Hit),
    // Fields against fields.
    case("fieldref", "{sel: {a|fieldref: b}, condition: sel}", r#"{"a": "x", "b": "x"}"#, Hit),
    case("fieldref case-insens", "{sel: {a|fieldref: b}, condition: sel}", r#"{"a": "X", "b": "x"}"#, Hit),
    case("fieldref list, first missing", "{sel: {a|fieldref: [n, b]}, condition: sel}", r#"{"a": "x", "b": "x"}"#, Hit),
    case("fieldref both absent", "{sel: {a|fieldref: b}, condition: sel}", "{}", Miss),
    // Case and wildcards.
    case("cased", "{sel: {a|cased: Foo}, condition: sel}", r#"{"a": "foo"}"#, Miss),
    case("cased contains", "{sel: {a|contains|cased: Foo}, condition: sel}", r#"{"a": "aFoob"}"#, Hit),
    case("star wildcard", "{sel: {a: 'f*o'}, condition: sel}", r#"{"a": "fxxo"}"#, Hit),
    case("escaped star", r"{sel: {a: 'f\*o'}, condition: sel}", r#"{"a": "f*o"}"#, Hit),
    case("? after star backtrack", "{sel: {a: '*a?c'}, condition: sel}", r#"{"a": "aaabc"}"#, Hit),
    case("*? non-empty", "{sel: {a: '*?'}, condition: sel}", r#"{"a": "ab"}"#, Hit),
    case("a*b? ", "{sel: {a: 'a*b?'}, condition: sel}", r#"{"a": "abbc"}"#, Hit),
    case("contains with ?", "{sel: {a|contains: 'b?d'}, condition: sel}", r#"{"a": "abcde"}"#, Hit),
    case("star matches null", "{sel: {a: '*'}, condition: sel}", r#"{"a": null}"#, Miss),
    case("empty string eq", "{sel: {a: ''}, condition: sel}", r#"{"a": ""}"#, Hit),
    // The specification has two words for two things: '' for an empty value, null for none.
    case("empty string vs null", "{sel: {a: ''}, condition: sel}", r#"{"a": null}"#, Miss),
    case("trailing backslash endswith", r"{sel: {a|endswith: '\'}, condition: sel}", r#"{"a": "C:\\"}"#, Hit),
    case("double backslash", r"{sel: {a: 'C:\\x'}, condition: sel}", r#"{"a": "C:\\x"}"#, Hit),
    case("newline in value contains", "{sel: {a: 'x*y'}, condition: sel}", r#"{"a": "x\ny"}"#, Hit),
    case("cyrillic case-insens", "{sel: {a|contains: ПАРОЛЬ}, condition: sel}", r#"{"a": "мой пароль"}"#, Hit),
    case("kazakh case-insens eq", "{sel: {a: ҚҰПИЯСӨЗ}, condition: sel}", r#"{"a": "құпиясөз"}"#, Hit),
    // Conditions.
    case("cyrillic selection name", "{выбор: {a: x}, condition: выбор}", r#"{"a": "x"}"#, Hit),
    case(
        "cyrillic selection name 2",
        "{выбор: {a: x}, sel2: {b: y}, condition: выбор and sel2}",
        r#"{"a": "x", "b": "y"}"#,
        Hit,
    ),
    case("NBSP/multibyte in condition", "{sel: {a: x}, condition: sel — x}", "{}", Refused("KZ320")),
    case("NBSP in condition", "{s1: {a: x}, s2: {a: x}, condition: \"s1\u{a0}and s2\"}", "{}", Refused("KZ320")),
    case("condition list", "{s1: {a: x}, s2: {a: y}, condition: [s1, s2]}", r#"{"a": "y"}"#, Hit),
    case("1 of them", "{s1: {a: x}, s2: {a: y}, condition: 1 of them}", r#"{"a": "y"}"#, Hit),
    case("any of them", "{s1: {a: x}, s2: {a: y}, condition: any of them}", r#"{"a": "y"}"#, Hit),
    case("2 of them", "{s1: {a: x}, s2: {b: y}, s3: {c: z}, condition: 2 of them}", r#"{"b": "y", "c": "z"}"#, Hit),
    case("2 of them, one holds", "{s1: {a: x}, s2: {b: y}, s3: {c: z}, condition: 2 of them}", r#"{"c": "z"}"#, Miss),
    case("all of them skips _", "{s1: {a: x}, _s2: {b: y}, condition: all of them}", r#"{"a": "x"}"#, Hit),
    case("1 of them skips _", "{s1: {a: x}, _s2: {b: y}, condition: 1 of them}", r#"{"b": "y"}"#, Miss),
    // Neither true nor false is what the author meant.
    case("all of x* none exist", "{s1: {a: x}, condition: s1 and all of x*}", "{}", Refused("KZ321")),
    case("1 of x* none exist", "{s1: {a: x}, condition: s1 or 1 of x*}", "{}", Refused("KZ321")),
    case("not precedence", "{s1: {a: x}, s2: {b: y}, condition: not s1 and s2}", r#"{"b": "y"}"#, Hit),
    case("and/or precedence", "{s1: {a: x}, s2: {b: y}, s3: {c: z}, condition: s1 or s2 and s3}", r#"{"a": "x"}"#, Hit),
    case("uppercase AND NOT", "{s1: {a: x}, s2: {b: y}, condition: s1 AND NOT s2}", r#"{"a": "x"}"#, Hit),
    case("unbalanced )", "{s1: {a: x}, condition: s1)}", "{}", Refused("KZ320")),
    case("unbalanced (", "{s1: {a: x}, condition: (s1}", "{}", Refused("KZ320")),
    case("agg count()", "{s1: {a: x}, condition: s1 | count() > 5}", "{}", Refused("KZ322")),
    // Without an aggregation it says nothing: a warning.
    case("timeframe", "{s1: {a: x}, timeframe: 5m, condition: s1}", r#"{"a": "x"}"#, Hit),
    // Selections.
    case("list of maps OR", "{sel: [{a: x}, {b: y}], condition: sel}", r#"{"b": "y"}"#, Hit),
    case("mixed list kw+map", "{sel: [{a: x}, word], condition: sel}", r#"{"m": "a word"}"#, Hit),
    case("list of maps w/ kw first", "{sel: [word, {a: x}], condition: sel}", r#"{"a": "x"}"#, Hit),
    case("empty list", "{sel: {a: []}, condition: sel}", "{}", Refused("KZ316")),
    case("list mixed null", "{sel: {a: [x, null]}, condition: sel}", r#"{"b": 1}"#, Hit),
    case("unknown modifier", "{sel: {a|foo: x}, condition: sel}", "{}", Refused("KZ311")),
    case("dup key in map", "{sel: {a|contains: x, a|contains: y}, condition: sel}", "{}", Refused("KZ303")),
    case("two-field AND", "{sel: {a: x, b: y}, condition: sel}", r#"{"a": "x", "b": "y"}"#, Hit),
    case("value list OR", "{sel: {a: [x, y]}, condition: sel}", r#"{"a": "y"}"#, Hit),
    case("contains/all", "{sel: {a|contains|all: [x, y]}, condition: sel}", r#"{"a": "axby"}"#, Hit),
    case("startswith/all list", "{sel: {a|startswith|all: [x, xy]}, condition: sel}", r#"{"a": "xyz"}"#, Hit),
    // Parts of a time.
    case("hour modifier", "{sel: {t|hour: 3}, condition: sel}", r#"{"t": "2026-01-02T03:04:05Z"}"#, Hit),
    case("hour/gte", "{sel: {t|hour|gte: 3}, condition: sel}", r#"{"t": "2026-01-02T04:04:05Z"}"#, Hit),
    // Attributes. The schema of the specification lists the levels in lower case and makes references a list.
    head("level Medium capitalised", "level: Medium\n", Refused("KZ306")),
    head("references string", "level: low\nreferences: http://x\n", Refused("KZ306")),
    head("date as yaml date", "level: low\ndate: 2024-01-02\n", Hit),
    head("multi-doc yaml", "level: low\n---\ntitle: second\nlevel: low\n", Hit),
];
