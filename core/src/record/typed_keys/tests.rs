use super::*;

#[test]
fn a_key_is_typed_if_it_is_spelled_like_an_integer_or_a_boolean() {
    for (key, typed) in [
        ("0", Some(Typed::Unsigned(0))),
        ("18446744073709551615", Some(Typed::Unsigned(u64::MAX))),
        ("-9223372036854775808", Some(Typed::Signed(i64::MIN))),
        ("true", Some(Typed::Bool(true))),
        ("false", Some(Typed::Bool(false))),
    ] {
        assert_eq!(Typed::of(key), typed, "{key}");
    }
    for key in ["", "-", "-0", "+1", "01", "-01", " 1", "1 ", "1.0", "1e3", "18446744073709551616", "True", "null", "a"]
    {
        assert_eq!(Typed::of(key), None, "{key}");
    }
}

/// With its feature `arbitrary_precision`, which any crate of a build may turn on, `serde_json` passes numbers like this.
#[test]
fn numbers_that_are_passed_as_text_are_numbers() {
    for text in ["17", "-1", "1.5", "-2e-3"] {
        let members = MapDeserializer::<_, Error>::new([(PRIVATE_NUMBER, text)].into_iter());
        let tree = Tree::deserialize(members).unwrap();
        assert_eq!(f64::deserialize(tree).unwrap().to_string(), text.parse::<f64>().unwrap().to_string());
    }
    assert_eq!(u8::deserialize(Tree::number("17").unwrap()), Ok(17));
}

#[test]
fn a_struct_is_not_read_from_the_positions_of_its_fields() {
    #[derive(Debug, Deserialize)]
    struct Named {
        #[expect(dead_code, reason = "it is only read into")]
        value: u8,
    }
    assert!(decode::<Named>(b"{\"0\":1}").is_none());
}
