//! What is found wrong when a condition is compiled.

#![cfg(feature = "engine")]

use countersign::cel::{
    Access, Declaration, Demand, Environment, Failure, Fault, Input, Program, Rule, Severity, Type,
};
use countersign::{Risk, Value};

fn environment() -> Environment {
    let mut environment = Environment::new();
    for (path, notation) in [
        ("subject.id", "string"),
        ("subject.groups", "list<string>"),
        ("subject.on_call", "bool?"),
        ("resource.owner", "string?"),
        ("resource.labels", "map<string, string>"),
        ("resource.cpus", "double"),
        ("context.count", "int"),
        ("context.at", "timestamp"),
        ("now", "timestamp"),
        ("sql.tables", "list<string>"),
        ("sql.limit", "int?"),
        ("risk", "risk"),
        ("facts.rows", "int"),
        ("facts.bulk", "bool"),
        ("facts.tags", "list<string>"),
        ("vote.comment", "string"),
        ("any", "dyn"),
        ("from", "ip"),
    ] {
        if let Ok(declaration) = notation.parse::<Declaration>() {
            environment.declare(path, declaration);
        }
    }
    let stages = Declaration::new(Type::String).one_of(["dev", "staging", "prod"]);
    environment.declare("resource.environment", stages);
    environment.declare_presence("sql");
    for (name, source) in [
        ("prod", "resource.environment == 'prod'"),
        ("owned", "has(resource.owner)"),
        ("mine", "owned && resource.owner == subject.id"),
        ("risky", "risk >= HIGH"),
        ("many", "facts.rows > 10"),
        ("broken", "subject.nope"),
        ("ring", "bell"),
        ("bell", "!ring"),
    ] {
        assert!(environment.define(name, source).is_ok());
    }
    environment
}

fn compile(source: &str) -> Result<Program, Vec<String>> {
    compile_with(source, &Access::free())
}

fn compile_with(source: &str, access: &Access) -> Result<Program, Vec<String>> {
    Program::condition(source, &environment(), access)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

#[track_caller]
fn accepts(sources: &[&str]) {
    for source in sources {
        assert_eq!(compile(source).err(), None, "{source}");
    }
}

#[track_caller]
fn refuses(cases: &[(&str, &str)]) {
    for (source, message) in cases {
        assert_eq!(compile(source).err(), Some(vec![(*message).to_owned()]), "{source}");
    }
}

#[test]
fn unknown_names_are_refused_with_the_nearest_one() {
    refuses(&[
        (
            "resource.enviroment == 'prod'",
            "unknown attribute `resource.enviroment`, did you mean `resource.environment`?",
        ),
        ("prdo", "unknown attribute `prdo`, did you mean `prod`?"),
        ("nothing.like == 1", "unknown attribute `nothing.like`"),
        ("subject == 1", "`subject` is not a value, name one of its attributes, such as `subject.groups`"),
        ("subject.id.startWith('a')", "unknown method `startWith`, did you mean `startsWith`?"),
        ("startsWith(subject.id, 'a')", "unknown function `startsWith`, write `x.startsWith(…)`"),
        ("math.great(1) == 1", "unknown function `math.great`, did you mean `math.greatest`?"),
        ("risk >= HIHG", "unknown attribute `HIHG`, did you mean `HIGH`?"),
    ]);
}

#[test]
fn all_faults_are_reported_with_their_places() {
    let source = "subject.idd == 'a' && resource.cpu > 1.0";
    let faults = Program::condition(source, &environment(), &Access::free()).unwrap_err();
    let places: Vec<_> =
        faults.iter().map(|fault| source.get(fault.span.clone()).unwrap_or_default()).collect();
    assert_eq!(places, ["subject.idd", "resource.cpu"]);
    assert!(faults.iter().all(|fault| fault.severity == Severity::Error));
}

#[test]
fn types_must_fit() {
    accepts(&[
        "resource.cpus > 1",
        "context.count == 1.0",
        "any > 1 && any == 'a'",
        "now >= timestamp('2026-12-20T00:00:00Z') && now - context.at < duration('1h')",
        "resource.labels.tier != 'pii' && resource.labels['x'] == 'y' && 'tier' in resource.labels",
        "subject.groups.exists(g, g.startsWith('oncall-')) && subject.groups.size() > 1",
        "from.isLoopback() || cidr('10.0.0.0/8').containsIP(from)",
        "sets.intersects(subject.groups, ['a', 'b'])",
        "math.greatest(context.count, 1, 2) == 2",
        "resource.labels.?tier.orValue('none') == 'none'",
        "(context.count > 1 ? 'a' : 'b') == subject.id",
    ]);
    refuses(&[
        ("subject.id", "condition must be bool, found string"),
        ("subject.id == 1", "string and int can never be equal"),
        ("1 in subject.groups", "int can never be in list<string>"),
        ("subject.id in 'abc'", "expected a list or map behind `in`, found string"),
        ("subject.id > 1", "`>` is not defined for string and int"),
        ("subject.id + 1 == 'a'", "`+` is not defined for string and int"),
        ("subject.id && true", "expected bool, found string"),
        ("!subject.id", "expected bool, found string"),
        (
            "subject.id.startsWith(1)",
            "`startsWith` is not defined for (string, int), expected (string, string)",
        ),
        ("subject.id.exists(x, true)", "expected a list or map to go over, found string"),
        ("subject.id.length == 1", "string has no field `length`"),
        ("subject.groups['a'] == 'b'", "index is string, which no element has"),
        ("subject.id == null", "string and null can never be equal"),
        ("(context.count > 1 ? 'a' : 1) == 'a'", "the two sides of `:` have different types, string and int"),
        ("Foo{a: 1} == 1", "unknown message type `Foo`; there are none"),
        ("context.count / 0 == 1 && 1 / 0 == 1", "this always fails: division by zero"),
        ("now > timestamp('tomorrow')", "this always fails: text does not stand for such a value"),
        ("subject.id.matches('(')", "pattern is malformed or too large"),
        (
            "subject.id.matches(resource.environment)",
            "pattern of `matches` must be a literal, a pattern is compiled once, when the condition is loaded",
        ),
        (
            "now.getHours('Mars/Base') > 1",
            "unknown time zone `Mars/Base`, write an offset such as `+01:00`; names need the feature `tz`",
        ),
    ]);
}

#[test]
fn texts_that_an_attribute_cannot_have_are_refused() {
    accepts(&["resource.environment in ['dev', 'prod']", "'prod' == resource.environment"]);
    refuses(&[
        (
            "resource.environment == 'stagin'",
            "`stagin` is never a value of `resource.environment`, did you mean `staging`?",
        ),
        (
            "resource.environment in ['dev', 'production']",
            "`production` is never a value of `resource.environment`, expected one of dev, staging, prod",
        ),
    ]);
}

#[test]
fn an_attribute_that_may_be_absent_needs_a_guard() {
    accepts(&[
        "has(resource.owner) && resource.owner == 'a'",
        "resource.owner == 'a' && has(resource.owner)",
        "!has(resource.owner) || resource.owner == 'a'",
        "has(resource.owner) ? resource.owner == 'a' : false",
        "!has(resource.owner) ? false : resource.owner == 'a'",
        "!(!has(resource.owner) || prod) && resource.owner == 'a'",
        "(has(resource.owner) && prod || has(resource.owner) && !prod) && resource.owner == 'a'",
        "resource.?owner.orValue('') == 'a'",
        "owned && resource.owner == 'a'",
        "mine",
        "has(sql) && sql.tables.exists(t, t.startsWith('vault.'))",
        "has(sql.tables) && 'a' in sql.tables",
        "has(sql.limit) && sql.limit < 5 && sql.tables.size() > 1",
        "subject.groups.exists(g, has(resource.owner) && g == resource.owner)",
        "has(resource.owner) && subject.groups.exists(g, g == resource.owner)",
    ]);
    let owner = "attribute `resource.owner` may be absent, guard it with `has(resource.owner) && …`";
    refuses(&[
        ("resource.owner == 'a'", owner),
        ("has(resource.owner) || resource.owner == 'a'", owner),
        ("!has(resource.owner) && resource.owner == 'a'", owner),
        ("(has(resource.owner) || prod) && resource.owner == 'a'", owner),
        ("has(resource.owner) ? true : resource.owner == 'a'", owner),
        ("'a' in sql.tables", "attribute `sql.tables` may be absent, guard it with `has(sql) && …`"),
        (
            "has(sql) && sql.limit < 5",
            "attribute `sql.limit` may be absent, guard it with `has(sql.limit) && …`",
        ),
        ("has(any)", "`has` takes a selection, `any` is a name"),
        ("sql == 1", "`sql` is not a value, ask `has(sql)` or name one of its attributes"),
    ]);
}

#[test]
fn definitions_are_expanded_where_they_are_used() {
    let environment = environment();
    let program = Program::condition("prod && mine", &environment, &Access::free()).unwrap();
    let mut paths: Vec<_> = program.slots().filter_map(|slot| environment.path(slot)).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["resource.environment", "resource.owner", "subject.id"]);
    assert!(environment.check("mine").is_ok());
    let faults = environment.check("broken").unwrap_err();
    assert_eq!(
        (faults[0].span.clone(), faults[0].to_string().as_str()),
        (0..12, "unknown attribute `subject.nope`")
    );
    assert_eq!(
        environment.check("ring").unwrap_err()[0].message,
        "in `bell`: definition `ring` needs itself"
    );
    let faults = Program::condition("prod || broken", &environment, &Access::free()).unwrap_err();
    assert_eq!(faults[0].span, 8..14);
    assert_eq!(faults[0].message, "in `broken`: unknown attribute `subject.nope`");
    let mut environment = environment;
    assert_eq!(
        environment.define("prod", "true").unwrap_err()[0].message,
        "`prod` is already the name of something else"
    );
    let fault =
        "`a b` cannot be the name of a definition, use letters, digits and `_`, and no word of the language";
    assert_eq!(environment.define("a b", "true").unwrap_err()[0].to_string(), fault);
    assert!(environment.define("true", "false").is_err());
    // Variables of a macro are not seen by a definition that is used inside it.
    environment.define("uses_g", "g == 'x'").unwrap();
    assert!(Program::condition("subject.groups.exists(g, uses_g)", &environment, &Access::free()).is_err());
}

#[test]
fn definitions_that_double_end_at_the_bound() {
    let mut environment = environment();
    environment.define("d0", "prod || prod").unwrap();
    for number in 1..40 {
        environment.define(&format!("d{number}"), &format!("d{0} && d{0}", number - 1)).unwrap();
    }
    let faults = Program::condition("d39", &environment, &Access::free()).unwrap_err();
    assert!(faults[0].message.contains("more than 4096 parts"), "{}", faults[0].message);
}

#[test]
fn a_rule_reads_risk_and_facts_only_as_it_may() {
    let raising = Access::free().with("risk", Rule::Raising).with("facts", Rule::Raising);
    for source in [
        "risk >= HIGH",
        "HIGH < risk && prod",
        "risky || many",
        "facts.bulk && facts.rows >= 100",
        "subject.groups.exists(g, facts.rows > 5 && g == 'a')",
        "facts.tags.exists(t, t > 'a')",
        "has(facts.rows) && facts.rows > 1",
    ] {
        assert_eq!(compile_with(source, &raising).err(), None, "{source}");
    }
    for (source, message) in [
        ("risk <= HIGH", "`risk` can only be compared with `>` or `>=` here"),
        ("HIGH > risk", "`risk` can only be compared with `>` or `>=` here"),
        ("risk == HIGH", "`risk` can only be compared with a constant here"),
        ("!(risk >= HIGH)", "`risk` can only be compared with a constant here"),
        ("!risky", "in `risky`: `risk` can only be compared with a constant here"),
        ("risk >= (prod ? LOW : HIGH)", "a risk can only be compared with a constant here"),
        ("risk in [LOW]", "`risk` can only be compared with a constant here"),
        ("!facts.bulk", "`facts.bulk` cannot stand under `!`, `==`, `!=`, `?:`, `in` or in a call here"),
        ("!many", "in `many`: `facts.rows` cannot stand under `!`, `==`, `!=`, `?:`, `in` or in a call here"),
        ("facts.rows == 1", "`facts.rows` cannot stand under `!`, `==`, `!=`, `?:`, `in` or in a call here"),
        (
            "facts.bulk ? prod : !prod",
            "`facts.bulk` cannot stand under `!`, `==`, `!=`, `?:`, `in` or in a call here",
        ),
        (
            "size(facts.tags) > 1",
            "`facts.tags` cannot stand under `!`, `==`, `!=`, `?:`, `in` or in a call here",
        ),
        (
            "facts.tags.exists(t, t == 'a')",
            "`facts.tags` cannot stand under `!`, `==`, `!=`, `?:`, `in` or in a call here",
        ),
    ] {
        let faults = compile_with(source, &raising).err();
        assert_eq!(faults, Some(vec![message.to_owned()]), "{source}");
    }
    let lowering =
        Access::free().with("risk", Rule::Lowering).with("facts", Rule::Hidden("facts only raise"));
    assert_eq!(compile_with("risk <= LOW", &lowering).err(), None);
    assert!(compile_with("risk >= LOW", &lowering).is_err());
    let hidden = vec!["`facts.bulk` cannot be read here: facts only raise".to_owned()];
    assert_eq!(compile_with("facts.bulk", &lowering).err(), Some(hidden));
}

#[test]
fn a_constant_condition_is_warned_of() {
    for source in ["true", "1 < 2", "prod || true", "'a' in ['a', 'b']", "false && prod"] {
        let program = compile(source).unwrap();
        assert_eq!(program.warnings().len(), 1, "{source}");
        assert_eq!(program.warnings()[0].severity, Severity::Warning);
    }
    assert!(compile("prod").unwrap().warnings().is_empty());
    assert_eq!(
        compile("has(subject.id)").unwrap().warnings()[0].message,
        "attribute `subject.id` is always present"
    );
}

#[test]
fn a_condition_that_can_cost_too_much_is_refused() {
    accepts(&["subject.groups.exists(g, g.startsWith('a'))", "subject.groups.all(g, g in ['a', 'b'])"]);
    let faults = compile("subject.groups.all(a, subject.groups.all(b, a != b))").unwrap_err();
    assert!(faults[0].starts_with("condition can need "), "{faults:?}");
    let mut environment = environment();
    environment.declare("few", Declaration::new(Type::list(Type::String)).max_size(32));
    let program = Program::condition("few.all(a, few.all(b, a != b))", &environment, &Access::free());
    assert!(program.is_ok_and(|program| program.cost() < 20_000));
}

#[test]
fn unknowns_win_over_errors_and_false_wins_over_both() {
    let environment = environment();
    let mut inputs = vec![Input::Absent; environment.slots()];
    let groups = Value::from(["sre"]);
    let slot = |path: &str| environment.slot(path).unwrap().index();
    inputs[slot("subject.groups")] = Input::from(&groups);
    inputs[slot("facts.bulk")] = Input::Unknown;
    inputs[slot("facts.rows")] = Input::Unknown;
    inputs[slot("risk")] = Input::from(Risk::High);
    inputs[slot("sql")] = Input::Unknown;
    let unknown = Err(Failure::Unknown { slot: environment.slot("facts.bulk").unwrap() });
    let test = |source: &str| Program::expression(source, &environment).unwrap().test(&inputs);
    for (source, expected) in [
        ("'sre' in subject.groups && risk >= HIGH", Ok(true)),
        ("facts.bulk && false", Ok(false)),
        ("facts.bulk || true", Ok(true)),
        ("facts.bulk && true", unknown.clone()),
        ("facts.bulk && 1 / 0 > 1", unknown.clone()),
        ("1 / 0 > 1 || facts.bulk", unknown.clone()),
        ("!facts.bulk", unknown.clone()),
        ("facts.bulk ? true : true", unknown.clone()),
        ("facts.bulk == true", unknown.clone()),
        ("[1].exists(x, facts.bulk)", unknown.clone()),
        ("[1, 2].exists(x, x == 2 || facts.bulk)", Ok(true)),
        ("[1, 2].all(x, x == 2 && facts.bulk)", Ok(false)),
        ("[1, 2].all(x, x / (x - 1) > 5 && facts.bulk || x == 2)", unknown.clone()),
        ("[facts.bulk, 1 / 0].size() == 1", unknown.clone()),
        ("[1 / 0, facts.bulk].size() == 1", unknown.clone()),
        ("[0, 1].map(x, x == 0 ? 1 / x : (facts.bulk ? 1 : 2)).size() > 1", unknown.clone()),
        ("facts.?bulk.orValue(true)", unknown.clone()),
        ("has(facts.bulk)", unknown),
    ] {
        assert_eq!(test(source), expected, "{source}");
    }
    assert_eq!(test("has(sql)"), Err(Failure::Unknown { slot: environment.slot("sql").unwrap() }));
    let failure = test("subject.id == 'a'").unwrap_err();
    assert!(matches!(failure, Failure::Error { what: Fault::Absent, .. }));
    assert_eq!(failure.to_string(), "attribute is absent at `subject.id`");
}

#[test]
fn an_index_learns_what_a_condition_demands() {
    let environment = environment();
    let slot = |path: &str| environment.slot(path).unwrap();
    let source = "prod && 'sre' in subject.groups && subject.id.startsWith('a') && facts.bulk && \
                  (resource.environment == 'dev' || resource.environment in ['staging', 'prod']) && \
                  has(sql) && !(subject.id == 'x') && context.count > 1";
    let program = Program::condition(source, &environment, &Access::free()).unwrap();
    let mut demands = program.demands();
    demands.sort_by_key(|demand| format!("{demand:?}"));
    let expected = [
        Demand::Has(slot("subject.groups"), "sre"),
        Demand::OneOf(slot("resource.environment"), vec!["dev", "prod", "staging"]),
        Demand::OneOf(slot("resource.environment"), vec!["prod"]),
        Demand::Present(slot("sql")),
        Demand::StartsWith(slot("subject.id"), "a"),
        Demand::True(slot("facts.bulk")),
    ];
    assert_eq!(demands, expected);
}

#[test]
fn demands_follow_alternatives_and_denials() {
    let environment = environment();
    let slot = |path: &str| environment.slot(path).unwrap();
    let demands = |source: &str| {
        let program = Program::condition(source, &environment, &Access::free()).unwrap();
        format!("{:?}", program.demands())
    };
    let shown = |demands: Vec<Demand<'_>>| format!("{demands:?}");
    let prod = || vec![Demand::OneOf(slot("resource.environment"), vec!["prod"])];
    let bulk = || vec![Demand::True(slot("facts.bulk"))];
    assert_eq!(demands("prod || facts.bulk"), shown(vec![Demand::Any(vec![bulk(), prod()])]));
    assert_eq!(demands("!(!prod && !facts.bulk)"), shown(vec![Demand::Any(vec![bulk(), prod()])]));
    assert_eq!(demands("!(resource.environment != 'prod' || !facts.bulk)"), shown([prod(), bulk()].concat()));
    assert_eq!(demands("!facts.bulk"), shown(vec![Demand::False(slot("facts.bulk"))]));
    let sre = || vec![Demand::Has(slot("subject.groups"), "sre")];
    assert_eq!(demands("subject.groups.exists(g, g == 'sre')"), shown(sre()));
    assert_eq!(demands("subject.groups.exists(g, g in ['sre'])"), shown(vec![Demand::Any(vec![sre()])]));
    for free in [
        "prod || context.count > 1",
        "!prod",
        "subject.groups.all(g, g == 'sre')",
        "!('sre' in subject.groups)",
        "prod ? facts.bulk : true",
        "subject.id.contains('a')",
        "!has(sql)",
    ] {
        assert_eq!(demands(free), "[]", "{free}");
    }
    assert_eq!(demands("prod && false"), shown(vec![Demand::Any(Vec::new())]));
}

#[test]
fn the_parts_of_a_condition_explain_it() {
    let environment = environment();
    let mut inputs = vec![Input::Absent; environment.slots()];
    inputs[environment.slot("context.count").unwrap().index()] = Input::from(5_i64);
    let source = "context.count > 3 && !(context.count > 10) && subject.id == 'a'";
    let program = Program::condition(source, &environment, &Access::free()).unwrap();
    let parts = program.explain(&inputs);
    let text = |span: &std::ops::Range<usize>| source.get(span.clone()).unwrap_or_default();
    let mut found: Vec<_> = parts.iter().map(|part| (text(&part.span), part.outcome.clone().ok())).collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("(context.count > 10)", Some(false)),
            ("context.count > 3", Some(true)),
            ("subject.id == 'a'", None)
        ]
    );
}
