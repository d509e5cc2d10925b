use super::*;
use proptest::prelude::*;

/// The verdict on a table in CSV at 95%; `claim` needs no name.
#[track_caller]
pub(super) fn check(table: &str, claim: &str) -> Verdict {
    let table = Table::from_csv_text("t.csv", table).unwrap();
    let assertion = Assertion::parse(&format!("name = 'claim'\n{claim}")).unwrap_or_else(|e| panic!("{e}"));
    assertion.check(&table, 0.05).unwrap_or_else(|e| panic!("{e}"))
}

/// With each of three lines added the claim is true, false and undecided in turn; it comes back from TOML the same.
#[track_caller]
pub(super) fn truths(table: &str, claim: &str, lines: &[&str; 3]) {
    for (line, truth) in lines.iter().zip([Truth::True, Truth::False, Truth::Undecided]) {
        let text = format!("name = 'claim'\n{claim}\n{line}");
        let verdict = check(table, &format!("{claim}\n{line}"));
        assert_eq!(verdict.truth, truth, "{line}: {}", verdict.why);
        let assertion = Assertion::parse(&text).unwrap();
        let again = Assertion::from_toml(&assertion.to_toml()).unwrap();
        assert_eq!(again.to_toml(), assertion.to_toml());
    }
}

#[test]
fn every_property_is_registered_once_with_its_keys() {
    let mut names = std::collections::HashSet::new();
    for info in registry() {
        assert!(names.insert(info.name) && info.about.ends_with('.'), "{}", info.name);
        let keys = (info.keys)();
        assert!(keys.contains(&"y"), "{}: {keys:?}", info.name);
        let error = (info.read)(toml::Table::new()).unwrap_err();
        assert!(error.contains("missing field"), "{}: {error}", info.name);
    }
    assert_eq!((registry()[0].keys)(), ["y", "stat", "x", "by", "each", "at_least", "at_most"]);
}

#[test]
fn slips_are_named_with_what_was_meant() {
    let error = |text: &str| Assertion::parse(text).unwrap_err().to_string();
    let claim = "name = 'low'\nproperty = 'bound'\ny = 'loss'\nat_most = 3";
    assert!(Assertion::parse(claim).is_ok());
    assert_eq!(
        error(&claim.replace("at_most", "at_mots")),
        "assertion `low`: no key `at_mots`; did you mean `at_most`?"
    );
    assert_eq!(error(&format!("{claim}\nbecuase = 'x'")), "assertion `low`: no key `becuase`; did you mean `because`?");
    assert_eq!(error(&claim.replace("bound", "bond")), "assertion `low`: no property `bond`; did you mean `bound`?");
    assert!(error(&claim.replace("bound", "zzzzzzz")).contains("the properties are bound, finite"));
    assert_eq!(error(&claim.replace("name", "nam")), "assertion `without a name`: `name` is missing");
    assert!(
        error(&claim.replace("property", "proprety")).contains("`property` is missing; did you mean it by `proprety`?")
    );
    assert!(error(&claim.replace("at_most = 3", "")).contains("nothing is claimed"));
    assert!(error(&format!("{claim}\nat_least = 4")).contains("no number is at least 4 and at most 3"));
    assert!(error(&claim.replace("= 3", "= 'x'")).contains("at_most"));
    assert!(error(&format!("{claim}\nstat = 'mode'")).contains("mode"));
    assert!(error(&format!("{claim}\nwhere = 3")).contains("`where` is a text"));
    assert!(error("name = [").contains("TOML"));
}

#[test]
fn a_file_holds_several_of_different_names() {
    let text = "[[assert]]\nname = 'a'\nproperty = 'finite'\ny = 'loss'\n[[assert]]\nname = 'b'\nproperty = 'bound'\ny = 'loss'\nat_most = 3\nwhere = ['loss > 0', 'step > 1']\n";
    let list = Assertion::list("checks.toml", text).unwrap();
    assert_eq!((list.len(), list[1].filter.len()), (2, 2));
    let written: String = list.iter().map(Assertion::to_text).collect::<Vec<_>>().join("\n");
    let again = Assertion::list("again", &written).unwrap();
    assert_eq!(
        again.iter().map(Assertion::to_toml).collect::<Vec<_>>(),
        list.iter().map(Assertion::to_toml).collect::<Vec<_>>()
    );
    let error = |text: &str| Assertion::list("checks.toml", text).unwrap_err().to_string();
    assert!(error(&text.replace("'b'", "'a'")).contains("two assertions are called `a`"));
    assert!(error("").contains("no `[[assert]]`") && error("x = 1").contains("no key `x`"));
    assert!(error("assert = 3").contains("no `[[assert]]`"));
    let claim: Assertion = toml::from_str("name = 'a'\nproperty = 'finite'\ny = 'loss'").unwrap();
    assert_eq!(toml::to_string(&claim).unwrap(), "name = \"a\"\nproperty = \"finite\"\ny = \"loss\"\n");
}

#[test]
fn several_share_the_error_that_one_may_make() {
    let read = |text: &str| Assertion::parse(text).unwrap();
    let claims = [
        read("name = 'a'\nproperty = 'bound'\ny = 'acc'\nat_least = -0.1"),
        read("name = 'b'\nproperty = 'bound'\ny = 'acc'\nat_most = 9"),
        read("name = 'c'\nproperty = 'finite'\ny = 'acc'"),
    ];
    let table = Table::from_csv_text("t.csv", "acc\n0.1\n0.2\n0.3\n").unwrap();
    let verdicts = check_all(&claims, |name| name.is_empty().then_some(&table), 0.05).unwrap();
    // Alone -0.0484; at 97.5% the quantile is 6.2053: 0.2 - 6.2053 * 0.1 / sqrt(3) = -0.1583.
    assert!((verdicts[0].low + 0.158_264).abs() < 1e-4, "{:?}", verdicts[0]);
    assert_eq!(verdicts.iter().map(|v| v.truth).collect::<Vec<_>>(), [Truth::Undecided, Truth::True, Truth::True]);
    assert!(check_all(&claims, |_| None, 0.05).unwrap_err().to_string().contains("there is no table ``"));
    let mut other = claims[0].clone();
    other.filter = vec!["acc >".into()];
    assert!(other.check(&table, 0.05).is_err());
    let missing = read("name = 'a'\nproperty = 'bound'\ny = 'ac'\nat_least = 0");
    assert!(missing.check(&table, 0.05).unwrap_err().hint().contains("`acc`"));
}

#[test]
fn a_verdict_is_written_with_nulls_where_nothing_is_known() {
    let verdict = check("acc\n1\n", "property = 'bound'\ny = 'acc'\nat_least = 0");
    let json = serde_json::to_value(&verdict).unwrap();
    assert_eq!(
        (&json["truth"], &json["low"], &json["value"]),
        (&"undecided".into(), &serde_json::Value::Null, &1.0.into())
    );
}

proptest! {
    /// Adding a constant to a claim and to its column changes nothing.
    #[test]
    fn a_shift_of_both_sides_changes_no_verdict(values in prop::collection::vec(-5.0f64..5.0, 2..8), bound in -5.0f64..5.0, shift in -100i32..100) {
        let table = |shift: f64| "y\n".to_string() + &values.iter().map(|v| format!("{}\n", v + shift)).collect::<String>();
        let claim = |bound: f64| format!("property = 'bound'\ny = 'y'\nat_least = {bound:?}");
        let (a, b) = (check(&table(0.0), &claim(bound)), check(&table(shift.into()), &claim(bound + f64::from(shift))));
        prop_assert_eq!(a.truth, b.truth);
    }

    /// Nothing panics whatever the numbers are.
    #[test]
    fn odd_numbers_are_undecided_or_decided_but_no_panic(values in prop::collection::vec(prop::num::f64::ANY, 0..12), which in 0usize..15) {
        let rows: String = values.iter().enumerate().map(|(i, v)| format!("{i},{v:?},{},{}\n", i % 2, i / 2)).collect();
        let Ok(table) = Table::from_csv_text("t.csv", &format!("x,y,g,s\n{rows}")) else { return Ok(()) };
        let name = registry()[which].name;
        let rest = match name {
            "bound" | "gap" => "at_least = 0",
            "within" => "low = 0\nhigh = 1",
            "difference" | "ratio" => "group = 'g'\na = 0\nb = 1\nat_least = 0",
            "not_worse" => "group = 'g'\na = 0\nb = 1\nmargin = 0\npaired = 's'",
            "monotone" => "x = 's'\ndirection = 'rises'",
            "rank_correlation" | "exponent" => "x = 'x'\nat_least = 0",
            "crosses" => "x = 's'\ngroup = 'g'\na = 0\nb = 1\nat_least = 0",
            "plateau" => "x = 'x'\nwithin = 1",
            "finite" => "",
            _ => "x = 'x'",
        };
        let rest = if name == "gap" { format!("{rest}\nother = 'x'") } else { rest.to_string() };
        let claim = Assertion::parse(&format!("name = 'c'\nproperty = '{name}'\ny = 'y'\n{rest}")).unwrap();
        let _ = claim.check(&table, 0.05);
    }
}

#[test]
fn a_range_that_holds_the_noise_is_decided_by_the_value() {
    let claim = "property = 'bound'\ny = 'acc'\nat_least = 0.15\nby_value = true";
    assert_eq!(check("acc\n0.1\n0.2\n0.3\n", claim).truth, Truth::True);
    assert_eq!(check("acc\n0.1\n", claim).truth, Truth::False);
    assert!(check("acc\n0.1\n", claim).why.ends_with("(1 row); at least 0.15 was claimed"));
}
