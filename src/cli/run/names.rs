//! Which variables may be set: none that decides how a program, or those that it starts, are run.

use crate::problem::{Exit, Problem};

/// Names that make programs load, start or trust something else.
const RISKY: &[&str] = &[
    "PATH",
    "IFS",
    "ENV",
    "BASH_ENV",
    "BASHOPTS",
    "SHELLOPTS",
    "PROMPT_COMMAND",
    "PS4",
    "SHELL",
    "HOME",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "BROWSER",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_EXTRA_CA_CERTS",
    "CLASSPATH",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "RUBYOPT",
    "RUBYLIB",
    "GCONV_PATH",
    "LOCPATH",
    "NLSPATH",
    "GLIBC_TUNABLES",
    "TERMCAP",
    "OPENSSL_CONF",
    "OPENSSL_MODULES",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "SSH_AUTH_SOCK",
    "SSH_ASKPASS",
    "SUDO_ASKPASS",
    "LESSOPEN",
    "LESSCLOSE",
];

/// How such names start.
const RISKY_STARTS: &[&str] =
    &["LD_", "DYLD_", "PYTHON", "PERL", "GIT_", "BASH_FUNC_", "TERMINFO", "MALLOC_", "CREDBENCH_"];

/// How such names end.
const RISKY_ENDS: &[&str] = &["_PROXY"];

/// Checks the name of a variable that is to be set. `from` says where it stands.
///
/// # Errors
/// Exit 2 for what is no name; 5 for one that decides how programs run, unless that is forced.
pub(super) fn check(name: &str, force: bool, from: &str) -> Result<(), Problem> {
    let mut characters = name.chars();
    let first = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !first || !characters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(Problem::new(
            Exit::Usage,
            "variable_name",
            format!("{from}: {name:?} is not the name of a variable"),
        )
        .hint("a name has letters, digits and '_', and does not start with a digit"));
    }
    if !force && is_risky(name) {
        return Err(Problem::new(
            Exit::Refused,
            "risky_name",
            format!("{from}: {name} decides how programs are run; a value of the vault is not put there"),
        )
        .hint("use another name, or add --force"));
    }
    Ok(())
}

fn is_risky(name: &str) -> bool {
    // Proxies are read in small letters too.
    let name = name.to_ascii_uppercase();
    RISKY.contains(&name.as_str())
        || RISKY_STARTS.iter().any(|start| name.starts_with(start))
        || RISKY_ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_decide_how_programs_run_are_refused() {
        let exit = |name: &str, force| check(name, force, "--env").map_err(|problem| problem.exit);
        for name in [
            "LD_PRELOAD",
            "LD_AUDIT",
            "PATH",
            "IFS",
            "BASH_ENV",
            "ENV",
            "PYTHONPATH",
            "NODE_OPTIONS",
            "GIT_SSH",
            "SSH_AUTH_SOCK",
            "HTTPS_PROXY",
            "https_proxy",
            "ALL_PROXY",
            "CREDBENCH_VAULT",
            "DYLD_INSERT_LIBRARIES",
        ] {
            assert_eq!(exit(name, false), Err(Exit::Refused), "{name}");
            assert_eq!(exit(name, true), Ok(()), "{name}");
        }
        for name in ["API_KEY", "PGPASSWORD", "_x1", "PATHS", "MY_PATH", "OLD_KEY"] {
            assert_eq!(exit(name, false), Ok(()), "{name}");
        }
        for name in ["", "1A", "A-B", "A B", "Ä", "A=B", "A\0"] {
            assert_eq!(exit(name, true), Err(Exit::Usage), "{name}");
        }
    }
}
