//! One policy from its documents, as arguments name them.

use std::error::Error;
use std::path::{Path, PathBuf};

use countersign::Policy;

/// Loads a policy: each name is a file, several separated by commas, or a folder of which every `.toml` is a
/// document but `.cases.toml`.
pub(crate) fn load<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Policy, Box<dyn Error>> {
    let mut documents = Vec::new();
    for name in names.into_iter().flat_map(|names| names.split(',')) {
        for path in files(Path::new(name)).map_err(|error| format!("{name}: {error}"))? {
            let shown = path.display().to_string();
            let text = std::fs::read_to_string(&path).map_err(|error| format!("{shown}: {error}"))?;
            documents.push((shown, text));
        }
    }
    let named = documents.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    Ok(Policy::from_documents(named)?)
}

fn files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.ends_with(".toml") && !name.ends_with(".cases.toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
