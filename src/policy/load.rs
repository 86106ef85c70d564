//! From texts to a policy.
//!
//! Every document is read as far as it can be, then all are composed and compiled, so that one run tells all
//! faults. Their texts stand one behind the other, so that a place in any of them is a place.

use std::sync::Arc;

use super::document::{CaseSpec, Document};
use super::error::{Faults, Lines, Source};
use super::node::Node;
#[cfg(feature = "toml")]
use super::toml;
use super::{Policy, PolicyError, PolicyOptions, digest, json};
use crate::limits;

impl PolicyOptions {
    /// Reads a policy from TOML, as [`Policy::from_toml`] does.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] with every fault of the document.
    #[cfg(feature = "toml")]
    pub fn from_toml(self, text: &str) -> Result<Policy, PolicyError> {
        self.from_documents([("policy.toml", text)])
    }

    /// Reads a policy from JSON, as [`Policy::from_json`] does.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] with every fault of the document; of its syntax, the first.
    pub fn from_json(self, text: &str) -> Result<Policy, PolicyError> {
        self.from_documents([("policy.json", text)])
    }

    /// Reads a policy from named documents, as [`Policy::from_documents`] does.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] with every fault of the documents.
    pub fn from_documents<'a>(
        self,
        named: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Policy, PolicyError> {
        let mut named: Vec<(&str, &str)> =
            named.into_iter().take(limits::POLICY_DOCUMENTS.saturating_add(1)).collect();
        if named.is_empty() {
            named.push(("policy.toml", ""));
        }
        let bytes = named.iter().map(|(_, text)| text.len()).fold(0, usize::saturating_add);
        if bytes > self.max_bytes || named.len() > limits::POLICY_DOCUMENTS {
            let (file, _) = named.first().copied().unwrap_or_default();
            let mut faults = Faults::new(Source::new(file, ""));
            faults.add(
                &(0..0),
                if bytes > self.max_bytes {
                    format!("policy document is {bytes} bytes, limit is {}", self.max_bytes)
                } else {
                    format!("policy has more than {} documents", limits::POLICY_DOCUMENTS)
                },
            );
            return Err(faults.into_error());
        }
        let mut joined = String::with_capacity(bytes.saturating_add(named.len()));
        let mut files: Vec<(Arc<str>, usize)> = Vec::new();
        for (file, text) in &named {
            files.push(((*file).into(), joined.len()));
            joined.push_str(text);
            joined.push('\n');
        }
        let starts: Vec<usize> = files.iter().map(|(_, start)| *start).collect();
        let mut faults = Faults::new(Source::joined(files, &joined));
        let roots =
            named.iter().zip(starts).map(|((file, text), start)| parse(file, text, start, &mut faults));
        let roots: Vec<Option<Node>> = roots.collect();
        if !faults.is_empty() {
            return Err(faults.into_error());
        }
        let mut roots: Vec<Node> = roots.into_iter().flatten().collect();
        let documents = roots.iter().map(|root| Document::read(root, &mut faults)).collect();
        // For editors alone; TOML says it in a comment.
        roots.iter_mut().for_each(|root| root.remove("$schema"));
        let mut texts: Vec<Vec<u8>> = roots.iter().map(Node::canonical).collect();
        texts.sort_unstable();
        let digest = digest(&texts, self.text().as_deref());
        Policy::compile(documents, &roots, faults, digest, self)
    }
}

impl Policy {
    /// Reads the cases of a file that holds nothing else.
    pub(crate) fn read_cases(
        &self,
        file: &str,
        text: &str,
    ) -> Result<(Vec<CaseSpec>, Arc<Lines>), PolicyError> {
        let mut faults = Faults::new(Source::new(file, text));
        if text.len() > limits::POLICY_BYTES {
            let limit = limits::POLICY_BYTES;
            faults.add(&(0..0), format!("file of cases is {} bytes, limit is {limit}", text.len()));
            return Err(faults.into_error());
        }
        let root = parse(file, text, 0, &mut faults);
        let mut cases = Vec::new();
        if faults.is_empty()
            && let Some(mut fields) = root.as_ref().and_then(|root| root.fields(&mut faults, "a table"))
        {
            cases = CaseSpec::read_all(&mut fields, &mut faults);
            fields.finish(&mut faults);
        }
        let lines = faults.lines();
        if faults.is_empty() { Ok((cases, lines)) } else { Err(faults.into_error()) }
    }
}

fn parse(file: &str, text: &str, start: usize, faults: &mut Faults<'_>) -> Option<Node> {
    if file.ends_with(".json") {
        return json::parse(text, start, faults);
    }
    #[cfg(feature = "toml")]
    return Some(toml::parse(text, start, faults));
    #[cfg(not(feature = "toml"))]
    {
        faults.add(&(start..start), "TOML is not read without the feature `toml`");
        None
    }
}
