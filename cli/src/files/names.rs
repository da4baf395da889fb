//! Filenames that cannot lie in one folder together.

/// The files whose names are also those of folders, each with one file that would be below it. At the most ten of them.
pub(crate) fn conflicts<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(&'a str, &'a str)> {
    let mut names: Vec<&str> = names.collect();
    // As paths, so that names below a file follow it directly.
    names.sort_by(|a, b| a.split('/').cmp(b.split('/')));
    let below = |file: &str, name: &str| {
        let rest = name.strip_prefix(file);
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    let conflicts = names.windows(2).filter(|pair| below(pair[0], pair[1]));
    conflicts.map(|pair| (pair[0], pair[1])).take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::conflicts;

    #[test]
    fn a_file_and_a_folder_of_one_name_are_found() {
        let names = [
            "data/x", "data-2", "data", "data.txt", "a/b", "a/b/c/d", "ab",
        ];
        let found = conflicts(names.into_iter());
        assert_eq!(found, [("a/b", "a/b/c/d"), ("data", "data/x")]);
        assert_eq!(conflicts(["a", "ab", "a-b/c"].into_iter()), []);
    }
}
