//! What a host is told at its start.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use countersign::SigningKey;

use crate::clock::random;

/// How a host runs. Every member has an environment variable.
#[derive(Debug, Clone)]
pub struct Config {
    /// `HOST_ADDRESS`: where to listen. Port 0 is any free one.
    pub address: String,
    /// `HOST_STORE`: a path, or a `postgres://` URL.
    pub store: String,
    /// `HOST_STREAM`: the name of the log; with PostgreSQL of the parent of each process's own.
    pub stream: String,
    /// `HOST_ISSUER`: who signs, as grants say.
    pub issuer: String,
    /// `HOST_KEY`: the file of the key for grants; the one for the log stands beside it with `.log` behind its name.
    pub key: PathBuf,
    /// `HOST_POLICY`: a file in place of the policy that is built in.
    pub policy: Option<PathBuf>,
    /// `HOST_DIRECTORY`: a file in place of the people and resources for development that are built in.
    pub directory: Option<PathBuf>,
}

/// What keeps a host from starting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file cannot be read or written.
    #[error("`{}`: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// A key file does not hold 64 hex digits.
    #[error("`{}`: expected a seed of 64 hex digits", path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// The policy does not load.
    #[error("{0}")]
    Policy(#[from] countersign::PolicyError),
    /// The directory is not what it should be.
    #[error("directory: {0}")]
    Directory(#[from] serde_json::Error),
}

impl Config {
    /// Reads the environment.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "a host is configured by its environment")]
    pub fn from_environment() -> Self {
        let text = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
        let file = |name: &str| std::env::var(name).ok().filter(|path| !path.is_empty()).map(PathBuf::from);
        Self {
            address: text("HOST_ADDRESS", "127.0.0.1:8080"),
            store: text("HOST_STORE", "countersign.db"),
            stream: text("HOST_STREAM", "countersign-host"),
            issuer: text("HOST_ISSUER", "https://countersign.example"),
            key: file("HOST_KEY").unwrap_or_else(|| "countersign.key".into()),
            policy: file("HOST_POLICY"),
            directory: file("HOST_DIRECTORY"),
        }
    }

    /// Returns the text of the policy.
    ///
    /// # Errors
    ///
    /// [`ConfigError::File`].
    pub fn policy_text(&self) -> Result<String, ConfigError> {
        text_of(self.policy.as_deref(), POLICY)
    }

    /// Returns the text of the directory.
    ///
    /// # Errors
    ///
    /// [`ConfigError::File`].
    pub fn directory_text(&self) -> Result<String, ConfigError> {
        text_of(self.directory.as_deref(), DIRECTORY)
    }

    /// Reads the key for grants and the key for the log, and makes those that are missing.
    ///
    /// # Errors
    ///
    /// [`ConfigError::File`], [`ConfigError::Key`].
    pub fn keys(&self) -> Result<(SigningKey, SigningKey), ConfigError> {
        let mut log = self.key.clone().into_os_string();
        log.push(".log");
        Ok((key(&self.key)?, key(Path::new(&log))?))
    }
}

#[allow(clippy::disallowed_methods, reason = "a host reads files")]
fn text_of(path: Option<&Path>, built_in: &str) -> Result<String, ConfigError> {
    let Some(path) = path else { return Ok(built_in.to_owned()) };
    fs::read_to_string(path).map_err(|error| ConfigError::File { path: path.to_owned(), error })
}

#[allow(clippy::disallowed_methods, reason = "a host reads files")]
fn key(path: &Path) -> Result<SigningKey, ConfigError> {
    let failed = |error| ConfigError::File { path: path.to_owned(), error };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(mut file) => {
            let seed: String = random().iter().map(|byte| format!("{byte:02x}")).collect();
            file.write_all(seed.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    let seed = seed(text.trim()).ok_or_else(|| ConfigError::Key { path: path.to_owned() })?;
    Ok(SigningKey::from_seed(seed))
}

fn seed(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut seed = [0; 32];
    for (at, byte) in seed.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(seed)
}

const POLICY: &str = include_str!("../../../policies/production-debugging.toml");

const DIRECTORY: &str = include_str!("../dev/directory.json");
