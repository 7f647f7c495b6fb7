//! Rust source as words: enough of the language to see what a file names, without comments, strings and
//! what is compiled for tests alone.

/// A word or sign, and its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub text: String,
    pub line: usize,
}

/// The words of a file, less items under `#[cfg(test)]`.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    without_tests(&words(text))
}

fn words(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut at, mut line, mut found) = (0, 1, Vec::new());
    while at < chars.len() {
        let next = skip(&chars, at);
        if next == at {
            let end = word_end(&chars, at);
            let word: String = chars[at..end].iter().collect();
            if !word.trim().is_empty() {
                found.push(Token { text: word, line });
            }
            line += usize::from(chars[at] == '\n');
            at = end;
        } else {
            line += chars[at..next].iter().filter(|c| **c == '\n').count();
            at = next;
        }
    }
    found
}

fn word_end(chars: &[char], at: usize) -> usize {
    if is_word(chars[at]) {
        return at + chars[at..].iter().take_while(|c| is_word(**c)).count();
    }
    at + if chars[at..].starts_with(&[':', ':']) { 2 } else { 1 }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where a comment, string or character that begins at `at` ends; `at` itself where none begins.
fn skip(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    if rest.starts_with(&['/', '/']) {
        return at + rest.iter().take_while(|c| **c != '\n').count();
    }
    if rest.starts_with(&['/', '*']) {
        return block_comment(chars, at);
    }
    if rest[0] == '"' {
        return string(chars, at + 1);
    }
    if rest[0] == '\'' {
        return character(chars, at);
    }
    let fresh = at == 0 || !is_word(chars[at - 1]);
    let prefix = rest.iter().take_while(|c| matches!(c, 'r' | 'b' | 'c')).count();
    if fresh && (1..=2).contains(&prefix) {
        return prefixed(chars, at, at + prefix);
    }
    at
}

/// `r"…"`, `b"…"`, `br#"…"#`, `b'x'`; `at` where the letters begin an ordinary word.
fn prefixed(chars: &[char], at: usize, quote: usize) -> usize {
    let hashes = chars[quote..].iter().take_while(|c| **c == '#').count();
    match chars.get(quote + hashes) {
        Some('"') if chars[at..quote].contains(&'r') => raw_string(chars, quote + hashes + 1, hashes),
        Some('"') if hashes == 0 => string(chars, quote + 1),
        Some('\'') if hashes == 0 && chars[at] == 'b' => character(chars, quote),
        _ => at,
    }
}

fn block_comment(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        if chars[at..].starts_with(&['/', '*']) {
            depth += 1;
            at += 2;
        } else if chars[at..].starts_with(&['*', '/']) {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn string(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

fn raw_string(chars: &[char], mut at: usize, hashes: usize) -> usize {
    while at < chars.len() {
        if chars[at] == '"' && chars[at + 1..].iter().take_while(|c| **c == '#').take(hashes).count() == hashes {
            return at + 1 + hashes;
        }
        at += 1;
    }
    at
}

/// A character literal; a lifetime is no literal, and its sign alone is passed over.
fn character(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => {
            let close = chars[at + 3..].iter().take_while(|c| **c != '\'').count();
            (at + 3 + close + 1).min(chars.len())
        }
        (Some(_), Some('\'')) => at + 3,
        _ => at + 1,
    }
}

/// Drops each item that follows `#[cfg(test)]`.
fn without_tests(words: &[Token]) -> Vec<Token> {
    let mark = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut at, mut kept) = (0, Vec::new());
    while at < words.len() {
        if words[at..].iter().map(|token| token.text.as_str()).take(mark.len()).eq(mark) {
            at = item_end(words, at + mark.len());
        } else {
            kept.push(words[at].clone());
            at += 1;
        }
    }
    kept
}

/// The end of an item: its `;`, or the brace that closes its first one.
fn item_end(words: &[Token], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while at < words.len() {
        match words[at].text.as_str() {
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::tokens;

    fn texts(source: &str) -> Vec<String> {
        tokens(source).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_strings_and_characters_are_no_words() {
        let source = r##"a /* unsafe /* x */ */ "un\"safe" // unsafe
            b r#"unsafe " "# b"x" 'u' '\'' '\u{1f}' b'"' c<'lifetime>"##;
        assert_eq!(texts(source), ["a", "b", "c", "<", "lifetime", ">"]);
    }

    #[test]
    fn words_that_begin_like_strings_stay() {
        assert_eq!(texts("bar crate r b::c brr"), ["bar", "crate", "r", "b", "::", "c", "brr"]);
    }

    #[test]
    fn what_is_for_tests_alone_is_dropped() {
        let source = "x #[cfg(test)] mod t { fn f() { std::fs } } y #[cfg(test)] use z; w #[cfg(not(test))] v";
        let kept = texts(source);
        assert!(kept.starts_with(&["x".to_owned(), "y".to_owned(), "w".to_owned()]), "{kept:?}");
        assert!(kept.contains(&"v".to_owned()) && !kept.contains(&"fs".to_owned()));
    }

    #[test]
    fn lines_are_counted_through_strings_and_comments() {
        let found = tokens("\"a\nb\"\n/*\n*/ word");
        assert_eq!((found[0].text.as_str(), found[0].line), ("word", 4));
    }
}
