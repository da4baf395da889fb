//! Filters as text: a documented part of [AIP-160](https://google.aip.dev/160).
//!
//! ```text
//! filter     = [ expression ]                       nothing but spaces: everything
//! expression = factor { [ "AND" ] factor }          factors side by side are joined by AND
//! factor     = term { "OR" term }                   OR binds tighter than AND: a AND b OR c is a AND (b OR c)
//! term       = ( "NOT" | "-" ) term | "(" expression ")" | condition
//! condition  = text ( "=" | "!=" ) value            is exactly this, or not so
//!            | text ":" value "*"                   starts with this; "*" alone: is not empty; not of kind and stage
//!            | "filename" "~" value                 matches this pattern as a whole, as a shell reads it
//!            | flag ( "=" | "!=" ) ( "true" | "false" )
//!            | number comparison value              a whole number from 0
//!            | "create_time" comparison value       an RFC 3339 timestamp
//!            | "labels" ":" value                   has the label
//!            | "metadata" ":" value                 has the key
//!            | "metadata." key ":" "*"              has the key, too
//!            | "metadata." key ( "=" | "!=" ) value has the key with exactly this value, or not so
//!            | "metadata." key ":" value "*"        has the key with a value that starts with this
//! text       = "session_id" | "namespace" | "user_id" | "agent_id" | "filename" | "content_type" | "title"
//!            | "language" | "kind" | "stage"
//! flag       = "persistent" | "legal_hold"
//! number     = "size_bytes" | "version"
//! comparison = "=" | "!=" | "<" | "<=" | ">" | ">="
//! key        = letters and digits of any script and . _ @ / - + | quoted
//! value      = the same, and : and *, and none of the keywords | quoted
//! quoted     = '"' ... '"' | "'" ... "'"            \" \' \\ \/ and \* are the characters alone, \b \f \n \r \t and
//!                                                  \u and four hex digits what they are in JSON
//! ```
//!
//! A value in quotes after `=` is that text whatever is in it, so a program that quotes as JSON does matches what it means and
//! nothing else. Without quotes a `*` there is refused: it once meant a prefix.
//!
//! `a != b` is `NOT a = b`, so it also holds where there is no `a`. Keywords are upper case; spaces may stand around
//! operators and parentheses, and must stand after a value. AIP-160 also has bare search words, functions, lists of
//! values and stars within a text; here they get an error, never another meaning, so that they can still come.
//!
//! Callers send this text, so its length, its conditions and its depth are bounded: it becomes SQL, and both the parser
//! and every walk of the tree recurse as deep as it nests.

mod condition;
mod error;
mod field;
mod scanner;
#[cfg(test)]
mod tests;
mod value;

pub use error::SyntaxError;

use super::tree::Filter;
use field::{Field, Operator, quoted};
use scanner::Scanner;
use value::Value;

/// The limits of a text.
#[derive(Clone, Copy)]
struct Limits {
    bytes: usize,
    conditions: usize,
    /// Parentheses and negations around a condition.
    depth: usize,
}

/// Of what callers send. The longest filename with every byte escaped has room, with a few other fields.
const OF_CALLERS: Limits = Limits {
    bytes: 8192,
    conditions: 64,
    depth: 16,
};
/// Of what was written out from a request: its fields and its filter.
const OF_OURS: Limits = Limits {
    bytes: 128 << 10,
    conditions: 128,
    depth: 20,
};

/// Parses a filter. A text without any condition matches everything.
///
/// # Errors
/// The first fault of the text.
pub fn parse(text: &str) -> Result<Filter, SyntaxError> {
    read(text, OF_CALLERS)
}

/// Parses a filter that `Filter::written` wrote.
///
/// # Errors
/// The first fault of the text.
pub(crate) fn parse_written(text: &str) -> Result<Filter, SyntaxError> {
    read(text, OF_OURS)
}

fn read(text: &str, limits: Limits) -> Result<Filter, SyntaxError> {
    check_length(text, limits.bytes)?;
    let mut parser = Parser::new(text, limits);
    if parser.scanner.at_end() {
        return Ok(Filter::All(Vec::new()));
    }
    let filter = parser.expression(After::Condition)?;
    match parser.scanner.eat(')') {
        Some(at) => Err(closes_nothing(at)),
        None => Ok(filter),
    }
}

/// What must be followed by a condition. If none follows, the error is here.
#[derive(Clone, Copy)]
enum After {
    /// Another condition, or the start of the text.
    Condition,
    /// The keyword or sign, and where it stands.
    Operator(&'static str, usize),
    /// An opening parenthesis, and where it stands.
    Parenthesis(usize),
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    limits: Limits,
    conditions: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, limits: Limits) -> Self {
        Self {
            scanner: Scanner::new(text),
            limits,
            conditions: 0,
            depth: 0,
        }
    }

    fn expression(&mut self, after: After) -> Result<Filter, SyntaxError> {
        let mut factors = vec![self.factor(after)?];
        while !self.scanner.at_end() && !self.scanner.at(')') {
            let and = self.scanner.eat_word("AND");
            let after = and.map_or(After::Condition, |at| After::Operator("AND", at));
            factors.push(self.factor(after)?);
        }
        Ok(joined(factors, Filter::All))
    }

    fn factor(&mut self, after: After) -> Result<Filter, SyntaxError> {
        let mut terms = vec![self.term(after)?];
        while let Some(at) = self.scanner.eat_word("OR") {
            terms.push(self.term(After::Operator("OR", at))?);
        }
        Ok(joined(terms, Filter::Any))
    }

    fn term(&mut self, after: After) -> Result<Filter, SyntaxError> {
        if let Some(at) = self.scanner.eat_word("NOT") {
            self.negation("NOT", at)
        } else if let Some(at) = self.scanner.eat('-') {
            self.negation("-", at)
        } else if let Some(at) = self.scanner.eat('(') {
            self.group(at)
        } else {
            self.condition(after)
        }
    }

    fn negation(&mut self, sign: &'static str, at: usize) -> Result<Filter, SyntaxError> {
        let term = self.nested(at, |parser| parser.term(After::Operator(sign, at)))?;
        Ok(Filter::Not(Box::new(term)))
    }

    fn group(&mut self, at: usize) -> Result<Filter, SyntaxError> {
        let group = self.nested(at, |parser| parser.expression(After::Parenthesis(at)))?;
        match self.scanner.eat(')') {
            Some(_) => Ok(group),
            None => Err(never_closed(at)),
        }
    }

    /// Every recursion passes here, which bounds the stack.
    fn nested(
        &mut self,
        at: usize,
        parse: impl FnOnce(&mut Self) -> Result<Filter, SyntaxError>,
    ) -> Result<Filter, SyntaxError> {
        let most = self.limits.depth;
        if self.depth == most {
            let rule = format!("parentheses and negations must be at most {most} deep");
            return Err(SyntaxError::new(at, rule));
        }
        self.depth += 1;
        let filter = parse(self);
        self.depth -= 1;
        filter
    }

    fn condition(&mut self, after: After) -> Result<Filter, SyntaxError> {
        self.check_start(after)?;
        self.count()?;
        let field = Field::read(&mut self.scanner)?;
        let operator = Operator::read(&mut self.scanner, &field)?;
        let value = Value::read(&mut self.scanner, &field)?;
        let condition = field.condition(operator, value)?;
        Ok(match operator {
            Operator::NotEqual => Filter::Not(Box::new(condition)),
            _ => condition,
        })
    }

    fn count(&mut self) -> Result<(), SyntaxError> {
        let most = self.limits.conditions;
        if self.conditions == most {
            let rule = format!("a filter must have at most {most} conditions");
            return Err(SyntaxError::new(self.scanner.position(), rule));
        }
        self.conditions += 1;
        Ok(())
    }

    /// Refuses what cannot start a condition. Everything else is a field, perhaps an unknown one.
    fn check_start(&mut self, after: After) -> Result<(), SyntaxError> {
        self.scanner.skip_spaces();
        let here = self.scanner.position();
        match self.scanner.peek() {
            None => Err(missing_at_end(after, here)),
            Some(')') => Err(missing_in_parentheses(after, here)),
            Some(c) => match self.scanner.peek_word() {
                "" => Err(SyntaxError::new(here, no_field(c))),
                word => check_keyword(word, here),
            },
        }
    }
}

fn check_length(text: &str, most: usize) -> Result<(), SyntaxError> {
    if text.len() <= most {
        return Ok(());
    }
    let fitting = text
        .char_indices()
        .take_while(|(start, c)| start + c.len_utf8() <= most);
    let rule = format!("a filter must be at most {most} bytes of UTF-8");
    Err(SyntaxError::new(fitting.count() + 1, rule))
}

/// A join of one condition is that condition, so that parentheses leave no trace.
fn joined(mut filters: Vec<Filter>, join: fn(Vec<Filter>) -> Filter) -> Filter {
    match (filters.pop(), filters.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            filters.extend(last);
            join(filters)
        }
    }
}

fn missing_at_end(after: After, here: usize) -> SyntaxError {
    match after {
        After::Condition => SyntaxError::new(here, "a condition is missing, such as kind = code"),
        After::Operator(sign, at) => {
            let rule = format!("nothing follows {sign}; add a condition, such as kind = code");
            SyntaxError::new(at, rule)
        }
        After::Parenthesis(at) => never_closed(at),
    }
}

fn missing_in_parentheses(after: After, here: usize) -> SyntaxError {
    match after {
        After::Condition => closes_nothing(here),
        After::Operator(sign, _) => {
            let rule = format!("a condition is missing between {sign} and ')'");
            SyntaxError::new(here, rule)
        }
        After::Parenthesis(at) => {
            SyntaxError::new(at, "these parentheses are empty; put a condition into them")
        }
    }
}

fn never_closed(at: usize) -> SyntaxError {
    SyntaxError::new(at, "this '(' is never closed; add a ')'")
}

fn closes_nothing(at: usize) -> SyntaxError {
    SyntaxError::new(at, "this ')' closes no '('; remove it or add a '('")
}

/// Refuses keywords in place of a field, and words that would be keywords in upper case.
fn check_keyword(word: &str, here: usize) -> Result<(), SyntaxError> {
    let keyword = ["AND", "OR", "NOT"]
        .into_iter()
        .find(|keyword| word.eq_ignore_ascii_case(keyword));
    let rule = match keyword {
        None => return Ok(()),
        Some(keyword) if keyword == word => format!("a condition is missing before {keyword}"),
        Some(keyword) => format!("keywords are upper case: write {keyword}, not {word}"),
    };
    Err(SyntaxError::new(here, rule))
}

fn no_field(found: char) -> String {
    let advice = match found {
        '"' | '\'' => "a condition starts with a field that is not in quotes",
        '=' | '<' | '>' | ':' => "a field must stand before it",
        '!' => "negate with NOT or -",
        '|' => "join alternatives with OR",
        '&' | ',' | ';' => "join conditions with AND",
        _ => "a condition is a field, an operator and a value",
    };
    let found = quoted(found);
    format!("{found} is unexpected here: {advice}, such as kind = code")
}
