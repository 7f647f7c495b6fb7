//! Arguments as Go's `flag` package reads them, which callers of runc rely on: one dash or two, `-flag value` or
//! `-flag=value`, `-switch=false`, the last of several wins. What comes out is plain enough for any parser:
//! `--flag=value` and `--switch` only, and the positional arguments apart.

use clap::{Arg, ArgAction, Command};

/// Where options may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Before and after positional arguments.
    Anywhere,
    /// Before the first positional argument; what follows that is another program's business.
    First,
}

/// Arguments taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Split {
    /// `--flag=value` or `--switch`.
    pub(crate) options: Vec<String>,
    /// The positional arguments.
    pub(crate) rest: Vec<String>,
    /// Whether help was asked for.
    pub(crate) help: bool,
}

/// What is wrong with an option, in Go's words: callers look for some of them.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Mistake {
    /// There is no such option.
    #[error("flag provided but not defined: -{0}")]
    Unknown(String),
    /// The value is missing.
    #[error("flag needs an argument: -{0}")]
    NoArgument(String),
    /// A switch with a value that is no boolean.
    #[error("invalid boolean value {value:?} for -{name}: true and false are known")]
    NotBoolean {
        /// The option.
        name: String,
        /// Its value.
        value: String,
    },
    /// Dashes without a name.
    #[error("bad flag syntax: {0}")]
    Syntax(String),
}

/// Takes the arguments of `command` apart.
pub(crate) fn split(command: &Command, order: Order, arguments: &[String]) -> Result<Split, Mistake> {
    let mut found = Split::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let Some(name) = argument.strip_prefix('-').filter(|name| !name.is_empty()) else {
            found.rest.push(argument.clone());
            if order == Order::First {
                break;
            }
            continue;
        };
        if name == "-" {
            break;
        }
        let name = name.strip_prefix('-').unwrap_or(name);
        if name.starts_with(['-', '=']) {
            return Err(Mistake::Syntax(argument.clone()));
        }
        let (name, value) = name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
        match option(command, name) {
            Some(option) if takes_value(option) => {
                let value = value.or_else(|| arguments.next().map(String::as_str));
                let value = value.ok_or_else(|| Mistake::NoArgument(name.to_owned()))?;
                found.options.push(format!("--{}={value}", long(option)));
            }
            Some(option) => found.switch(long(option), boolean(name, value.unwrap_or("true"))?),
            None if matches!(name, "h" | "help") => return Ok(Split { help: true, ..found }),
            None => return Err(Mistake::Unknown(name.to_owned())),
        }
    }
    found.rest.extend(arguments.cloned());
    Ok(found)
}

impl Split {
    fn switch(&mut self, long: &str, on: bool) {
        let switch = format!("--{long}");
        self.options.retain(|option| *option != switch);
        if on {
            self.options.push(switch);
        }
    }
}

fn option<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    let is_short = |arg: &Arg| arg.get_short().is_some_and(|short| name.chars().eq([short]));
    command.get_arguments().find(|arg| arg.get_long() == Some(name) || is_short(arg))
}

fn long(option: &Arg) -> &str {
    option.get_long().unwrap_or_default()
}

fn takes_value(option: &Arg) -> bool {
    !matches!(option.get_action(), ArgAction::SetTrue)
}

fn boolean(name: &str, value: &str) -> Result<bool, Mistake> {
    let unknown = || Mistake::NotBoolean { name: name.to_owned(), value: value.to_owned() };
    parse_boolean(value).ok_or_else(unknown)
}

/// The words of Go's `strconv.ParseBool`.
pub(crate) fn parse_boolean(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        Command::new("x").disable_help_flag(true).args([
            Arg::new("bundle").short('b').long("bundle").action(ArgAction::Set),
            Arg::new("env").short('e').long("env").action(ArgAction::Append),
            Arg::new("no-pivot").long("no-pivot").action(ArgAction::SetTrue),
            Arg::new("tty").short('t').long("tty").action(ArgAction::SetTrue),
        ])
    }

    fn taken(order: Order, line: &str) -> (String, String) {
        let arguments: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        let found = split(&command(), order, &arguments).unwrap_or_else(|mistake| panic!("{line}: {mistake}"));
        (found.options.join(" "), found.rest.join(" "))
    }

    #[test]
    fn forms_of_an_option() {
        for (line, options, rest) in [
            ("", "", ""),
            ("c", "", "c"),
            ("--bundle B c", "--bundle=B", "c"),
            ("--bundle=B c", "--bundle=B", "c"),
            ("-bundle B c", "--bundle=B", "c"),
            ("-bundle=B c", "--bundle=B", "c"),
            ("-b B c", "--bundle=B", "c"),
            ("-b=B c", "--bundle=B", "c"),
            ("--b B c", "--bundle=B", "c"),
            ("--bundle= c", "--bundle=", "c"),
            ("--bundle=a=b c", "--bundle=a=b", "c"),
            ("--bundle -1 c", "--bundle=-1", "c"),
            ("--bundle --no-pivot c", "--bundle=--no-pivot", "c"),
            ("--bundle -- c", "--bundle=--", "c"),
            ("-no-pivot c", "--no-pivot", "c"),
            ("--no-pivot=true c", "--no-pivot", "c"),
            ("-no-pivot=1 c", "--no-pivot", "c"),
            ("--no-pivot=false c", "", "c"),
            ("--no-pivot false", "--no-pivot", "false"),
            ("--no-pivot --no-pivot=f c", "", "c"),
            ("--no-pivot=0 --no-pivot c", "--no-pivot", "c"),
            ("--no-pivot --no-pivot c", "--no-pivot", "c"),
            ("-t -e A=1 -env B=2 c", "--tty --env=A=1 --env=B=2", "c"),
            ("-- -t", "", "-t"),
            ("- c", "", "- c"),
        ] {
            assert_eq!(taken(Order::Anywhere, line), (options.to_owned(), rest.to_owned()), "{line}");
            assert_eq!(taken(Order::First, line), (options.to_owned(), rest.to_owned()), "{line}");
        }
    }

    #[test]
    fn options_after_a_positional_argument() {
        let line = "c -t --bundle B d";
        assert_eq!(taken(Order::Anywhere, line), ("--tty --bundle=B".to_owned(), "c d".to_owned()));
        assert_eq!(taken(Order::First, line), (String::new(), line.to_owned()));
        assert_eq!(taken(Order::Anywhere, "c -- -t"), (String::new(), "c -t".to_owned()));
        assert_eq!(taken(Order::First, "c -- -t"), (String::new(), "c -- -t".to_owned()));
    }

    #[test]
    fn mistakes_in_the_words_of_go() {
        for (line, text) in [
            ("--foo c", "flag provided but not defined: -foo"),
            ("-foo=3 c", "flag provided but not defined: -foo"),
            ("-tb c", "flag provided but not defined: -tb"),
            ("c --bundle", "flag needs an argument: -bundle"),
            ("-b", "flag needs an argument: -b"),
            ("--tty=maybe", "invalid boolean value \"maybe\" for -tty: true and false are known"),
            ("---tty", "bad flag syntax: ---tty"),
            ("-=x", "bad flag syntax: -=x"),
        ] {
            let arguments: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            let mistake = split(&command(), Order::Anywhere, &arguments).expect_err(line);
            assert_eq!(mistake.to_string(), text);
        }
    }

    #[test]
    fn help_is_no_option_of_another_program() {
        let asked = |order, line: &str| {
            let arguments: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            split(&command(), order, &arguments).unwrap().help
        };
        for line in ["-h", "--help", "-help", "-t --help", "-b B -h"] {
            assert!(asked(Order::First, line), "{line}");
        }
        assert!(asked(Order::Anywhere, "c -h"));
        assert!(!asked(Order::First, "c sh -h"));
        assert!(!asked(Order::Anywhere, "-- -h"));
        assert!(!asked(Order::First, "-b -h"));
    }
}
