//! How deep a query's plan may become, told from its words.
//!
//! `1+1+1+…` is a tree as deep as it is long, and parsers, planners and what drops the tree walk it by recursion: a text
//! that is long enough ends the whole process. The parser bounds what is nested in parentheses, so what is left is
//! what is chained: operators, keywords such as `or`, `union` and `join`, subscripts, and the commas of a `from`. Each
//! adds one level at most, so their number is bounded, before anything is parsed. Lists of values are flat and of any
//! length.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::{Place, QueryError};

/// Most operators and keywords of a query.
pub(super) const MAX_LINKS: usize = 1000;

/// Refuses a query that may be too deep. What is no query at all is left to the parser, which says why.
pub(super) fn check(sql: &str) -> Result<(), QueryError> {
    let Ok(tokens) = Tokenizer::new(&GenericDialect, sql).tokenize_with_location() else { return Ok(()) };
    match first_beyond(&tokens) {
        None => Ok(()),
        Some(at) => Err(QueryError::Query {
            message: format!("a query has at most {MAX_LINKS} operators and keywords"),
            place: Some(Place { line: at.line, column: at.column }),
            hint: Some("a list of values may be longer: x in (1, 2, …)".to_owned()),
        }),
    }
}

/// Where the first link is that is one too many.
fn first_beyond(tokens: &[TokenWithSpan]) -> Option<Location> {
    // For each open parenthesis, whether its commas are those of a `from`.
    let mut from = vec![false];
    let mut links = 0;
    let mut before = &Token::EOF;
    for token in tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))) {
        match &token.token {
            Token::LParen => from.push(false),
            Token::RParen if from.len() > 1 => from.truncate(from.len() - 1),
            Token::Word(word) if matches!(word.keyword, Keyword::FROM | Keyword::SELECT) => {
                if let Some(last) = from.last_mut() {
                    *last = word.keyword == Keyword::FROM;
                }
            }
            _ => {}
        }
        links += usize::from(is_link(&token.token, before, from.last() == Some(&true)));
        if links > MAX_LINKS {
            return Some(token.span.start);
        }
        before = &token.token;
    }
    None
}

fn is_link(token: &Token, before: &Token, is_from: bool) -> bool {
    match token {
        Token::Word(word) => {
            !matches!(word.keyword, Keyword::NoKeyword | Keyword::NULL | Keyword::TRUE | Keyword::FALSE)
        }
        Token::Comma => is_from,
        // The sign of a number in a list.
        Token::Minus | Token::Plus => !matches!(before, Token::Comma | Token::LParen),
        Token::EOF
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::DoubleQuotedString(_)
        | Token::EscapedStringLiteral(_)
        | Token::UnicodeStringLiteral(_)
        | Token::HexStringLiteral(_)
        | Token::DollarQuotedString(_)
        | Token::NationalStringLiteral(_)
        | Token::Placeholder(_)
        | Token::LParen
        | Token::RParen
        | Token::RBracket
        | Token::SemiColon
        | Token::Period => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_count_and_lists_do_not() {
        let chain = |link: &str, times: usize| check(&format!("select 1{}", link.repeat(times)));
        for link in ["+1", " or 1", "||''", " is null", "::int", "[1]", " union select 1, 2", " from a, a"] {
            assert!(chain(link, MAX_LINKS + 1).is_err(), "{link}");
            assert!(chain(link, 100).is_ok(), "{link}");
        }
        assert!(check(&format!("select 1 from a{}", ", a".repeat(MAX_LINKS))).is_err());
        assert!(check(&format!("select 1 where x in (-1{}, null)", ", -1".repeat(100_000))).is_ok());
        assert!(check(&format!("values (1){}", ", ('a', 1)".repeat(100_000))).is_ok());
        assert!(check("select 'no end").is_ok(), "the parser says why");
    }
}
