//! Which files hold credentials, and which are no files.
//!
//! A path is judged as it is written: `.` and `..` are resolved, links are not. Where the working directory
//! is declared, a relative path starts there.

use super::facts::Obstacle;
use super::values::Place;
use super::walk::Draft;

/// Judges a file that is read and shown.
pub(super) fn judge(text: &str, place: Place<'_>, draft: &mut Draft) -> Result<(), Obstacle> {
    if text == "-" {
        return Ok(());
    }
    let parts = resolve(text, place.directory);
    let names: Vec<&str> = parts.iter().map(String::as_str).collect();
    let absolute = text.starts_with('/') || place.directory.is_some_and(|path| path.starts_with('/'));
    if holds_credentials(&names)
        || absolute && (is_credential_place(&names) || draft.deep && is_above(&names))
    {
        draft.secret();
        return Ok(());
    }
    match (absolute, names.as_slice()) {
        (true, ["dev", rest @ ..]) => device(rest, place, draft),
        (true, ["proc", rest @ ..]) => process(rest, place, draft),
        (true, ["sys", "kernel", "debug" | "tracing", ..]) => Err(place.refuse("reading it may change it")),
        _ => Ok(()),
    }
}

/// Splits a path at slashes and, for a file in a commit, at the colon; resolves `.` and `..`.
fn resolve(text: &str, directory: Option<&str>) -> Vec<String> {
    let base = directory.filter(|_| !text.starts_with('/')).unwrap_or_default();
    let mut parts: Vec<String> = Vec::new();
    for part in base.split('/').chain(text.split(['/', ':'])) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part.to_lowercase()),
        }
    }
    parts
}

/// Says whether a name on the path, wherever it stands, is known for credentials.
fn holds_credentials(names: &[&str]) -> bool {
    let Some((last, above)) = names.split_last() else { return false };
    let stem = last.trim_start_matches('.').split('.').next().unwrap_or_default();
    let says = |word: &&str| stem == *word || stem.rsplit(['-', '_']).next() == Some(*word);
    FILES.contains(last)
        || last.starts_with(".env")
        || WORDS.iter().any(says) && *names != ["etc", "passwd"]
        || last.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending))
        || (last.starts_with("id_") || last.starts_with("ssh_host_")) && !last.ends_with(".pub")
        || above.iter().any(|name| DIRECTORIES.contains(name))
}

/// Says whether a path lies in a place of credentials.
fn is_credential_place(names: &[&str]) -> bool {
    PLACES.iter().any(|place| {
        place.split('/').zip(names).filter(|(part, name)| part == *name).count() == place.split('/').count()
    })
}

/// Says whether a search below this directory reaches credentials.
fn is_above(names: &[&str]) -> bool {
    matches!(
        names,
        [] | ["etc" | "root" | "home" | "proc" | "run" | "dev" | "sys" | "var" | "boot"]
            | ["home", _]
            | ["var", "run" | "lib"]
            | ["var", "lib", "kubelet" | "docker", ..]
    )
}

/// Reading most devices does something or shows a disk.
fn device(rest: &[&str], place: Place<'_>, draft: &mut Draft) -> Result<(), Obstacle> {
    match rest {
        ["null" | "zero" | "full" | "urandom" | "random" | "stdin" | "stdout"] => Ok(()),
        [name, ..]
            if ["sd", "nvme", "vd", "xvd", "dm-", "mapper", "disk", "loop"]
                .iter()
                .any(|disk| name.starts_with(disk)) =>
        {
            draft.secret();
            Ok(())
        }
        _ => Err(place.refuse("it is a device")),
    }
}

/// Of `/proc` only what is known to be harmless.
fn process(rest: &[&str], place: Place<'_>, draft: &mut Draft) -> Result<(), Obstacle> {
    let of_system = |name: &str| {
        matches!(
            name,
            "buddyinfo"
                | "cgroups"
                | "cmdline"
                | "cpuinfo"
                | "diskstats"
                | "filesystems"
                | "interrupts"
                | "loadavg"
                | "locks"
                | "mdstat"
                | "meminfo"
                | "modules"
                | "mounts"
                | "net"
                | "partitions"
                | "pressure"
                | "schedstat"
                | "slabinfo"
                | "softirqs"
                | "stat"
                | "swaps"
                | "sys"
                | "uptime"
                | "version"
                | "vmstat"
                | "zoneinfo"
        )
    };
    let of_process = |name: &str| {
        matches!(
            name,
            "cgroup"
                | "cmdline"
                | "comm"
                | "io"
                | "limits"
                | "mountinfo"
                | "mounts"
                | "net"
                | "oom_score"
                | "oom_score_adj"
                | "sched"
                | "schedstat"
                | "smaps_rollup"
                | "stat"
                | "statm"
                | "status"
                | "uid_map"
                | "wchan"
        )
    };
    let number = |name: &str| name == "self" || name.bytes().all(|byte| byte.is_ascii_digit());
    match rest {
        [id, name, ..] if number(id) && of_process(name) => Ok(()),
        [name, ..] if of_system(name) => Ok(()),
        [id, "environ" | "mem" | "root" | "cwd" | "fd" | "maps" | "auxv" | "map_files", ..] if number(id) => {
            draft.secret();
            Ok(())
        }
        _ => Err(place.refuse("this part of /proc is not known to be harmless")),
    }
}

/// Names of files.
const FILES: &[&str] = &[
    ".bash_history",
    ".dockercfg",
    ".git-credentials",
    ".htpasswd",
    ".my.cnf",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".psql_history",
    ".pypirc",
    ".rediscli_auth",
    ".terraformrc",
    ".vault-token",
    ".zsh_history",
    "admin.conf",
    "authorized_keys",
    "gshadow",
    "gshadow-",
    "kcore",
    "kubeconfig",
    "kubelet.conf",
    "opasswd",
    "shadow",
    "shadow-",
    "sudoers",
    "terraform.tfstate",
    "wp-config.php",
];

/// Last words of a name before its ending.
const WORDS: &[&str] = &[
    "apikey",
    "credential",
    "credentials",
    "passwd",
    "password",
    "passwords",
    "secret",
    "secrets",
    "token",
    "tokens",
];

const ENDINGS: &[&str] = &[
    "jceks", "jks", "kdbx", "key", "keystore", "keytab", "ovpn", "p12", "pem", "pfx", "pgpass", "ppk",
    "tfstate", "tfvars",
];

/// Names of directories.
const DIRECTORIES: &[&str] = &[
    ".aws",
    ".azure",
    ".docker",
    ".gnupg",
    ".kube",
    ".password-store",
    ".ssh",
    ".terraform.d",
    "gcloud",
    "secrets",
    "sudoers.d",
];

/// Beginnings of absolute paths.
const PLACES: &[&str] = &[
    "etc/kubernetes/pki",
    "etc/letsencrypt/archive",
    "etc/letsencrypt/live",
    "etc/pki/tls/private",
    "etc/ssl/private",
    "run/credentials",
    "run/secrets",
    "var/lib/kubelet/pods",
    "var/lib/mysql",
    "var/lib/postgresql",
    "var/lib/redis",
    "var/run/secrets",
    "var/spool/cron",
];
