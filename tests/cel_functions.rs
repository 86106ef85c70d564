//! Functions that the conformance suite does not reach, and the edges of those that it does.

#![cfg(feature = "engine")]

use countersign::cel::{Datum, Environment, Failure, Fault, Input, Program, Type};

fn evaluate(source: &str) -> Result<Datum, Failure> {
    let environment = Environment::new();
    match Program::expression(source, &environment) {
        Ok(program) => program.evaluate(&[]),
        Err(_) => Err(Failure::Exhausted),
    }
}

#[track_caller]
fn holds(sources: &[&str]) {
    for source in sources {
        assert_eq!(evaluate(source), Ok(Datum::Bool(true)), "{source}");
    }
}

#[track_caller]
fn fails(cases: &[(&str, Fault)]) {
    for (source, expected) in cases {
        let found = match evaluate(source) {
            Err(Failure::Error { what, .. }) => Some(what),
            _ => None,
        };
        assert_eq!(found, Some(*expected), "{source}");
    }
}

#[test]
fn lists() {
    holds(&[
        "[1, 2, 3, 4].slice(1, 3) == [2, 3] && [1].slice(1, 1) == []",
        "[[1], [2, [3]], 4].flatten() == [1, 2, [3], 4]",
        "[[1], [2, [3, [4]]]].flatten(2) == [1, 2, 3, [4]] && [1].flatten(0) == [1]",
        "[1, 2, 1.0, 2u, 'a', 'a'].distinct() == [1, 2, 'a']",
        "[3, 1, 2].sort() == [1, 2, 3] && ['b', 'a'].sort() == ['a', 'b'] && [].sort() == []",
        "[{'n': 2}, {'n': 1}].sortBy(x, x.n) == [{'n': 1}, {'n': 2}]",
        "['ccc', 'a', 'bb'].sortBy(x, -size(x)) == ['ccc', 'bb', 'a']",
        "lists.range(4) == [0, 1, 2, 3] && lists.range(0) == []",
        "[1, 2].first().value() == 1 && [1, 2].last().value() == 2 && ![].first().hasValue()",
        "[1, 2, 3].reverse() == [3, 2, 1]",
        "optional.unwrap([optional.of(1), optional.none(), optional.of(2)]) == [1, 2]",
        "[optional.of(1), optional.none()].unwrapOpt() == [1]",
    ]);
    fails(&[
        ("[1, 2].slice(1, 3)", Fault::IndexOutOfRange),
        ("[1, 2].slice(2, 1)", Fault::IndexOutOfRange),
        ("[1, 2].slice(-1, 1)", Fault::IndexOutOfRange),
        ("[1, 'a'].sort()", Fault::NoOverload),
        ("[[1], [2]].sort()", Fault::NoOverload),
        ("[1].flatten(-1)", Fault::Argument),
        ("[1].join()", Fault::NoOverload),
    ]);
    assert_eq!(evaluate("lists.range(9223372036854775807)"), Err(Failure::Exhausted));
}

#[test]
fn sets() {
    holds(&[
        "sets.contains([1, 2, 3], [1.0, 2u]) && sets.contains([], []) && !sets.contains([1], [2])",
        "sets.equivalent([1, 2], [2, 1, 1]) && !sets.equivalent([1], [1, 2])",
        "sets.intersects([1, 2], [2, 3]) && !sets.intersects([1], [2]) && !sets.intersects([], [])",
    ]);
}

#[test]
fn texts() {
    holds(&[
        "'héllo'.charAt(1) == 'é' && 'ab'.charAt(2) == ''",
        "'a,b,c'.split(',') == ['a', 'b', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c']",
        "'abc'.split('') == ['a', 'b', 'c'] && 'abc'.split('', 2) == ['a', 'bc'] && 'a'.split(',', 0) == []",
        "'aaa'.replace('a', 'b', 2) == 'bba' && 'aaa'.replace('a', 'b', -1) == 'bbb' && 'ab'.replace('', '-') == '-a-b-'",
        "'abcabc'.lastIndexOf('abc', 3) == 3 && 'abcabc'.lastIndexOf('abc', 2) == 0 && 'abc'.indexOf('', 3) == 3",
        "'%s|%d|%.2f|%x|%X|%o|%b|%e'.format(['a', -5, 1.005, -255, 'ÿ', 8, true, 12345.678]) == \
         'a|-5|1.00|-ff|C3BF|10|1|1.234568e+04'",
        "'%s'.format([{'b': [1, null], 'a': duration('90s')}]) == '{a: 90s, b: [1, null]}'",
        "string(1e21) == '1e+21' && string(1e20) == '100000000000000000000' && string(1e-5) == '1e-05'",
        "base64.decode('aGk') == b'hi' && base64.encode(b'') == ''",
        "bool('T') && !bool('False') && int('-5') == -5 && uint('5') == 5u && double('1e3') == 1000.0",
    ]);
    fails(&[
        ("'abc'.substring(2, 1)", Fault::IndexOutOfRange),
        ("'abc'.charAt(-1)", Fault::IndexOutOfRange),
        ("'abc'.indexOf('a', 4)", Fault::IndexOutOfRange),
        ("'%d'.format(['a'])", Fault::NoOverload),
        ("'%'.format([1])", Fault::Argument),
        ("'%.1001f'.format([1.0])", Fault::Argument),
        ("int('1.5')", Fault::Malformed),
        ("int('+5')", Fault::Malformed),
        ("double('0x10')", Fault::Malformed),
        ("uint('-1')", Fault::Malformed),
        ("base64.decode('a?')", Fault::Malformed),
        ("int(9223372036854775808u)", Fault::Overflow),
        ("uint(-0.5)", Fault::Overflow),
    ]);
}

#[test]
fn numbers() {
    holds(&[
        "math.sqrt(16) == 4.0 && math.isNaN(math.sqrt(-1.0))",
        "math.bitShiftRight(-1, 63) == 1 && math.bitShiftLeft(1, 64) == 0 && math.bitShiftRight(-8, 1) > 0",
        "math.greatest(1, 2u, 3.0) == 3 && math.least([3, 1u, 2.0]) == 1",
        "math.sign(-5) == -1 && math.sign(0.0) == 0.0 && math.abs(-1.5) == 1.5",
        "math.round(2.5) == 3.0 && math.trunc(-1.9) == -1.0",
        "5 / -2 == -2 && 5 % -2 == 1 && -5 % 2 == -1",
        "1.0 / 0.0 > 1e308 && !(0.0 / 0.0 == 0.0 / 0.0)",
        "[1].map(x, -x)[0] == -1 && - 5 == -5",
    ]);
    fails(&[
        ("math.abs(-9223372036854775808)", Fault::Overflow),
        ("math.bitShiftLeft(1, -1)", Fault::Argument),
        ("math.greatest([])", Fault::Argument),
        ("math.greatest('a')", Fault::NoOverload),
        ("-9223372036854775808 % -1", Fault::Overflow),
        ("1u % 0u", Fault::DivideByZero),
        ("5.0 % 2.0", Fault::NoOverload),
    ]);
}

#[test]
fn times() {
    holds(&[
        "timestamp('2024-02-29T12:00:00+02:00') == timestamp('2024-02-29T10:00:00Z')",
        "timestamp('2024-01-01T00:00:00Z') + duration('24h') == timestamp('2024-01-02T00:00:00Z')",
        "timestamp('2024-01-02T00:00:00Z') - timestamp('2024-01-01T00:00:00Z') == duration('24h')",
        "timestamp('2024-03-01T00:30:00Z').getHours('+05:30') == 6 && timestamp(0).getFullYear() == 1970",
        "timestamp('2024-03-01T00:30:00Z').getDate('-01:00') == 29",
        "duration('1h30m').getMinutes() == 90 && duration('1.5s').getMilliseconds() == 500",
        "string(duration('1.5s')) == '1.5s' && string(timestamp('2024-01-01T00:00:00.5Z')) == '2024-01-01T00:00:00.5Z'",
        "duration('1h') > duration('59m') && timestamp('2024-01-01T00:00:00Z') < timestamp('2025-01-01T00:00:00Z')",
    ]);
    fails(&[
        ("timestamp('2024-02-30T00:00:00Z')", Fault::Malformed),
        ("timestamp('2024-01-01T00:00:00')", Fault::Malformed),
        ("duration('1y')", Fault::Malformed),
        ("timestamp('9999-12-31T23:59:59Z') + duration('1s')", Fault::Overflow),
        ("timestamp(0).getHours('Mars/Base')", Fault::Zone),
        ("duration('1h').getFullYear()", Fault::NoOverload),
    ]);
}

#[cfg(feature = "tz")]
#[test]
fn named_zones_follow_clock_changes() {
    holds(&[
        "timestamp('2024-03-31T00:59:59Z').getHours('Europe/Berlin') == 1",
        "timestamp('2024-03-31T01:00:00Z').getHours('Europe/Berlin') == 3",
        "timestamp('2024-10-27T01:00:00Z').getHours('Europe/Berlin') == 2",
    ]);
}

#[test]
fn networks() {
    holds(&[
        "isIP('10.0.0.1') && !isIP('10.0.0.256') && isCIDR('10.0.0.0/8') && !isCIDR('10.0.0.0')",
        "ip.isCanonical('2001:db8::1') && !ip.isCanonical('2001:DB8::1') && !ip.isCanonical('2001:db8:0::1')",
        "cidr('10.0.0.0/8').containsIP(ip('10.1.2.3')) && !cidr('10.0.0.0/8').containsIP('11.0.0.1')",
        "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && cidr('10.1.2.3/8').prefixLength() == 8",
        "ip('::ffff:c0a8:1') == ip('192.168.0.1') && ip('192.168.0.1').isGlobalUnicast()",
        "!ip('169.254.0.1').isGlobalUnicast() && ip('fe80::1').isLinkLocalUnicast() && ip('::1').family() == 6",
    ]);
    fails(&[
        ("ip('010.0.0.1')", Fault::Malformed),
        ("cidr('10.0.0.0/33')", Fault::Malformed),
        ("ip.isCanonical('x')", Fault::Malformed),
        ("ip('10.0.0.1') < ip('10.0.0.2')", Fault::NoOverload),
    ]);
}

#[test]
fn optionals() {
    holds(&[
        "optional.of(1).orValue(1 / 0) == 1",
        "optional.none().or(optional.of(2)).value() == 2",
        "{'a': {'b': 1}}.?a.?b.orValue(0) == 1 && {'a': 1}.?x.?y.orValue(0) == 0",
        "optional.of(2).optMap(x, x * 2).value() == 4 && !optional.none().optMap(x, x / 0).hasValue()",
        "[?optional.none(), ?optional.of(1)] == [1] && {?'a': optional.none()} == {}",
        "optional.ofNonZeroValue(duration('0s')) == optional.none() && optional.of(null) != optional.none()",
    ]);
    fails(&[
        ("optional.none().value()", Fault::NoValue),
        ("optional.of(1).or(2)", Fault::NoOverload),
        ("[?1]", Fault::NoOverload),
        ("optional.of(1).optFlatMap(x, x)", Fault::NoOverload),
    ]);
}

#[test]
fn macros() {
    holds(&[
        "[1, 2, 3].map(x, x > 1, x * 2) == [4, 6] && {'a': 1}.map(k, k) == ['a']",
        "{'a': 1, 'b': 2}.transformMapEntry(k, v, {v: k}) == {1: 'a', 2: 'b'}",
        "[1, 2].transformMapEntry(i, v, v > 1, {v: i}) == {2: 1}",
        "[3, 4].transformMap(i, v, i + v) == {0: 3, 1: 5}",
        "[1, 2].exists_one(x, x == 2) && [1, 2].existsOne(x, x == 2)",
        "cel.bind(x, [1, 2], x + x) == [1, 2, 1, 2]",
        "[1, 2].all(x, [x].exists(y, y == x)) && [[1]].all(x, x.all(x, x == 1))",
        "[1, 0].exists(x, 1 / x == 1) && ![1, 0].all(x, 1 / x == 2)",
    ]);
    fails(&[
        ("[1, 0].exists_one(x, 1 / x == 1)", Fault::DivideByZero),
        ("['a', 'b'].transformMapEntry(i, v, {'same': v})", Fault::KeyTwice),
        ("5.map(x, x)", Fault::NoOverload),
        ("[1].all(x, 5)", Fault::NoOverload),
    ]);
    for source in
        ["[1].map(x.y, x)", "[1].all(1, true)", "[1].exists(i, i, true)", "has(1)", "cel.bind(1, 2, 3)"]
    {
        assert!(Program::expression(source, &Environment::new()).is_err(), "{source}");
    }
}

#[test]
fn risk_is_ordered_by_level() {
    let mut environment = Environment::new();
    environment.declare("risk", Type::Risk);
    for (source, expected) in
        [("risk >= MEDIUM && risk < CRITICAL", true), ("risk == HIGH", true), ("risk <= LOW", false)]
    {
        let program = Program::expression(source, &environment).unwrap();
        assert_eq!(program.test(&[Input::from(countersign::Risk::High)]), Ok(expected), "{source}");
    }
}
