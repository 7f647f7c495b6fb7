//! Values in GVariant's text form, as the annotations `org.systemd.property.NAME` have them.
//! Source: GLib, "GVariant Text Format".

use super::value::Value;

/// How deep values may lie in one another.
const DEEPEST: usize = 8;

/// Reads a value: `true`, `5`, `uint64 5`, `'text'`, `['a', 'b']`, `@as []`, `('a', 5)`, `<5>`.
///
/// # Errors
/// What is wrong with it, as a sentence's end.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let mut parser = Parser { rest: text };
    let value = parser.value(None, 0)?;
    if parser.trimmed().is_empty() {
        Ok(value)
    } else {
        Err(format!("there is more after the value: {:?}", parser.rest))
    }
}

struct Parser<'t> {
    rest: &'t str,
}

impl<'t> Parser<'t> {
    fn trimmed(&mut self) -> &'t str {
        self.rest = self.rest.trim_start();
        self.rest
    }

    /// Whether that comes next; it is read then.
    fn take(&mut self, token: char) -> bool {
        let rest = self.trimmed().strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: char) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { Err(format!("{token:?} is missing before {:?}", self.rest)) }
    }

    fn word(&mut self, of: impl Fn(char) -> bool) -> &'t str {
        let text = self.trimmed();
        let (word, rest) = text.split_at(text.find(|c| !of(c)).unwrap_or(text.len()));
        self.rest = rest;
        word
    }

    /// A value; of that type, where it is known.
    fn value(&mut self, kind: Option<&str>, depth: usize) -> Result<Value, String> {
        if depth > DEEPEST {
            return Err("it is nested too deep".into());
        }
        match self.trimmed().chars().next() {
            None => Err("a value is missing".into()),
            Some('@') => {
                self.take('@');
                let kind = self.word(|c| c.is_ascii_alphanumeric() || "(){}".contains(c));
                self.value(Some(kind), depth + 1)
            }
            Some('[') => self.array(kind, depth),
            Some('(') => self.tuple(depth),
            Some('<') => {
                self.take('<');
                let value = self.value(None, depth + 1)?;
                self.expect('>')?;
                Ok(Value::Variant(Box::new(value)))
            }
            Some(quote @ ('\'' | '"')) => textual(kind.unwrap_or("s"), self.quoted(quote)?),
            Some('a'..='z') => self.keyword(depth),
            Some(_) => {
                let word = self.word(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
                numeric(kind.unwrap_or(if is_double(word) { "d" } else { "i" }), word)
            }
        }
    }

    fn keyword(&mut self, depth: usize) -> Result<Value, String> {
        let kind = match self.word(|c| c.is_ascii_alphanumeric()) {
            "true" => return Ok(Value::Boolean(true)),
            "false" => return Ok(Value::Boolean(false)),
            "boolean" => "b",
            "byte" => "y",
            "int16" => "n",
            "uint16" => "q",
            "int32" => "i",
            "uint32" => "u",
            "int64" => "x",
            "uint64" => "t",
            "double" => "d",
            "string" => "s",
            "objectpath" => "o",
            "signature" => "g",
            other => return Err(format!("{other:?} is no type and no value")),
        };
        self.value(Some(kind), depth + 1)
    }

    fn array(&mut self, kind: Option<&str>, depth: usize) -> Result<Value, String> {
        self.expect('[')?;
        let wanted = kind.map(|kind| kind.strip_prefix('a').ok_or("it is no array")).transpose()?;
        let mut items: Vec<Value> = Vec::new();
        while !self.take(']') {
            if !items.is_empty() {
                self.expect(',')?;
            }
            // The first one's type is that of all.
            let first = items.first().map(Value::signature);
            items.push(self.value(wanted.or(first.as_deref()), depth + 1)?);
        }
        let item = wanted.map(str::to_owned).or_else(|| items.first().map(Value::signature));
        let item = item.ok_or("an empty array needs its type: @as []")?;
        if items.iter().any(|one| one.signature() != item) {
            return Err("its items have different types".into());
        }
        Ok(Value::Array(item, items))
    }

    fn tuple(&mut self, depth: usize) -> Result<Value, String> {
        self.expect('(')?;
        let mut fields = Vec::new();
        while !self.take(')') {
            if !fields.is_empty() {
                self.expect(',')?;
                if self.take(')') {
                    break;
                }
            }
            fields.push(self.value(None, depth + 1)?);
        }
        if fields.is_empty() { Err("D-Bus has no empty tuples".into()) } else { Ok(Value::Struct(fields)) }
    }

    fn quoted(&mut self, quote: char) -> Result<String, String> {
        self.take(quote);
        let mut text = String::new();
        let mut characters = self.rest.chars();
        loop {
            match characters.next().ok_or("a quote is missing at its end")? {
                '\\' => text.push(match characters.next().ok_or("a quote is missing at its end")? {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    'u' | 'U' => return Err("escaped code points are not supported: write the character".into()),
                    other => other,
                }),
                end if end == quote => break,
                '\0' => return Err("it holds a NUL".into()),
                other => text.push(other),
            }
        }
        self.rest = characters.as_str();
        Ok(text)
    }
}

fn textual(kind: &str, text: String) -> Result<Value, String> {
    match kind {
        "s" => Ok(Value::Text(text)),
        "o" => Ok(Value::ObjectPath(text)),
        "g" => Ok(Value::Signature(text)),
        _ => Err(format!("{text:?} is a text, and the type is {kind}")),
    }
}

fn is_double(word: &str) -> bool {
    !word.starts_with("0x") && word.contains(['.', 'e', 'E'])
}

fn numeric(kind: &str, word: &str) -> Result<Value, String> {
    let wrong = || format!("{word:?} is no value of type {kind}");
    if kind == "d" {
        return word.parse::<f64>().map(|value| Value::Double(value.to_bits())).map_err(|_| wrong());
    }
    let number = match word.strip_prefix("0x") {
        Some(digits) => i128::from_str_radix(digits, 16),
        None => word.parse::<i128>(),
    };
    let number = number.map_err(|_| wrong())?;
    let value = match kind {
        "y" => u8::try_from(number).map(Value::Byte),
        "n" => i16::try_from(number).map(Value::Int16),
        "q" => u16::try_from(number).map(Value::Uint16),
        "i" => i32::try_from(number).map(Value::Int32),
        "u" => u32::try_from(number).map(Value::Uint32),
        "x" => i64::try_from(number).map(Value::Int64),
        "t" => u64::try_from(number).map(Value::Uint64),
        _ => return Err(wrong()),
    };
    value.map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        for (text, value) in [
            ("true", Value::Boolean(true)),
            ("5", Value::Int32(5)),
            (" uint64 5000000 ", Value::Uint64(5_000_000)),
            ("uint32 0x10", Value::Uint32(16)),
            ("byte 255", Value::Byte(255)),
            ("-7", Value::Int32(-7)),
            ("1.5", Value::Double(1.5_f64.to_bits())),
            ("'SIGUSR1'", Value::text("SIGUSR1")),
            (r#""a'\"\\""#, Value::text("a'\"\\")),
            ("['a', 'b']", Value::texts(["a", "b"])),
            ("@as []", Value::Array("s".into(), vec![])),
            ("@at [1,2]", Value::Array("t".into(), vec![Value::Uint64(1), Value::Uint64(2)])),
            ("[uint64 1, 2]", Value::Array("t".into(), vec![Value::Uint64(1), Value::Uint64(2)])),
            ("<@t 3>", Value::Variant(Box::new(Value::Uint64(3)))),
            ("('a', uint64 1)", Value::Struct(vec![Value::text("a"), Value::Uint64(1)])),
            ("[('a', 1)]", Value::Array("(si)".into(), vec![Value::Struct(vec![Value::text("a"), Value::Int32(1)])])),
        ] {
            assert_eq!(parse(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_value() {
        let deep = "[".repeat(10_000);
        for text in [
            "",
            "SIGUSR1",
            "'a",
            "[",
            "[]",
            "[1 2]",
            "[1, 'a']",
            "()",
            "uint64 -1",
            "byte 256",
            "5 6",
            "uint64 'a'",
            "@s 5",
            "0x",
            "1e",
            "--5",
            "'a\\",
            "<1",
            "nothing",
            deep.as_str(),
        ] {
            assert!(parse(text).is_err(), "{text}: {:?}", parse(text));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_odd(text in r#"[\[\]()<>@'"\\a-z0-9 ,.+-]{0,60}"#) {
            if let Ok(value) = parse(&text) {
                let mut bytes = Vec::new();
                value.put(&mut bytes);
                proptest::prop_assert!(!value.signature().is_empty());
            }
        }
    }
}
