//! Words of the grammar.

/// Says whether a word cannot be a bare name of a column, a table or an alias.
pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED.binary_search(&word).is_ok()
}

/// Words that every dialect, or the reader, needs to see where a name ends. Sorted.
const RESERVED: &[&str] = &[
    "all", "and", "as", "asc", "between", "both", "case", "cast", "check", "collate", "constraint", "create", "cross",
    "default", "desc", "distinct", "else", "end", "except", "exists", "fetch", "for", "foreign", "from", "full", "glob",
    "grant", "group", "having", "ilike", "in", "inner", "intersect", "into", "is", "isnull", "join", "lateral",
    "leading", "left", "like", "limit", "lock", "natural", "not", "notnull", "null", "offset", "on", "or", "order",
    "outer", "placing", "primary", "procedure", "references", "regexp", "returning", "right", "rlike", "select", "set",
    "similar", "some", "straight_join", "table", "tablesample", "then", "to", "trailing", "union", "unique", "using",
    "values", "variadic", "when", "where", "window", "with", "xor",
];

#[cfg(test)]
mod tests {
    #[test]
    fn reserved_words_are_sorted() {
        assert!(super::RESERVED.is_sorted());
    }
}
