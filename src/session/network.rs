//! From options and the environment to whom tests trust, and what they go through.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::config::ProxyOption;
use crate::http::{self, Trust};
use crate::problem::{Exit, Problem};
use crate::proxy::{Except, Proxies, Proxy};

/// What options and the environment say about the network.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// A file of certificate authorities besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Which proxy is used.
    pub proxy: ProxyOption,
    /// Hosts that are reached without it.
    pub no_proxy: Vec<Except>,
    /// The environment's own words: names such as `HTTPS_PROXY` with their values.
    pub variables: Vec<(String, OsString)>,
}

impl Network {
    /// Reads the authorities and chooses the proxies.
    ///
    /// # Errors
    /// Exit 7 for a file of authorities or a proxy that cannot be used.
    pub fn trust(&self) -> Result<Trust, Problem> {
        let proxies = self.proxies()?;
        let Some(path) = &self.ca_file else { return Ok(Trust::new(Vec::new(), proxies)) };
        let problem = |what: &dyn std::fmt::Display| {
            let message = format!("the certificate authorities in {}: {what}", path.display());
            Problem::new(Exit::Invalid, "ca_file", message).hint("[network] ca_file names that file")
        };
        let text = std::fs::read_to_string(path).map_err(|error| problem(&error))?;
        let authorities = http::certificates(&text).map_err(|error| problem(&error))?;
        Ok(Trust::new(authorities, proxies))
    }

    /// Whether the proxies were not configured but come from the environment, so that somebody should be told
    /// before the first use.
    pub fn is_from_environment(&self) -> bool {
        self.proxy == ProxyOption::Environment
    }

    fn proxies(&self) -> Result<Proxies, Problem> {
        match &self.proxy {
            ProxyOption::None => Ok(Proxies::default()),
            ProxyOption::Named(proxy) => Ok(Proxies::all(proxy.clone(), self.no_proxy.clone(), "configured")),
            ProxyOption::Environment => self.environment(),
        }
    }

    fn environment(&self) -> Result<Proxies, Problem> {
        let mut proxies = Proxies { except: self.no_proxy.clone(), ..Proxies::default() };
        let mut names: Vec<&str> = Vec::new();
        for (name, value) in &self.variables {
            let what = name.to_ascii_lowercase();
            if what == "no_proxy" {
                proxies.except.extend(Except::list(&value.to_string_lossy()));
                continue;
            }
            let proxy = from_variable(name, value)?;
            let places = match what.as_str() {
                "https_proxy" => [Some(&mut proxies.https), None],
                "http_proxy" => [Some(&mut proxies.http), None],
                _ => [Some(&mut proxies.https), Some(&mut proxies.http)],
            };
            for place in places.into_iter().flatten() {
                if place.is_none() {
                    *place = Some(proxy.clone());
                    names.push(name);
                }
            }
        }
        names.dedup();
        proxies.named_by = names.join(", ");
        Ok(proxies)
    }
}

/// Every program takes `proxy.example:3128` for an http proxy there.
fn from_variable(name: &str, value: &OsString) -> Result<Proxy, Problem> {
    let read = value.to_str().and_then(|text| {
        let text = text.trim();
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        Proxy::parse(&text).ok()
    });
    // Its value is not shown: a password may stand in it.
    read.ok_or_else(|| {
        let message = format!("{name} in the environment is {}", crate::proxy::NotAProxy);
        Problem::new(Exit::Invalid, "proxy", message)
            .hint("correct it, or set proxy = \"none\" under [network] in the configuration")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(variables: &[(&str, &str)]) -> Network {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), value.into())).collect();
        Network { variables, ..Network::default() }
    }

    #[test]
    fn the_environment_names_proxies() {
        let said = |variables: &[(&str, &str)]| match network(variables).trust() {
            Ok(trust) => {
                let show = |proxy: &Option<Proxy>| proxy.as_ref().map_or("-".to_owned(), ToString::to_string);
                let Proxies { https, http, except, named_by } = trust.proxies;
                format!("{} {} {} {named_by}", show(&https), show(&http), except.len())
            }
            Err(problem) => problem.message,
        };
        assert_eq!(said(&[]), "- - 0 ");
        assert_eq!(
            said(&[("https_proxy", "p.example:3128"), ("NO_PROXY", "a.example, 10.0.0.0/8")]),
            "http://p.example:3128 - 2 https_proxy"
        );
        assert_eq!(
            said(&[("HTTP_PROXY", "http://h.example"), ("ALL_PROXY", "socks5h://a.example")]),
            "socks5h://a.example:1080 http://h.example:80 0 HTTP_PROXY, ALL_PROXY"
        );
        let wrong = said(&[("HTTPS_PROXY", "ftp://ann:hidden@h")]);
        assert!(wrong.starts_with("HTTPS_PROXY in the environment is not a proxy"), "{wrong}");
        assert!(!wrong.contains("hidden"));
    }

    #[test]
    fn the_configuration_comes_before_the_environment() {
        let mut network = network(&[("HTTPS_PROXY", "http://e.example")]);
        network.proxy = ProxyOption::None;
        assert_eq!(network.trust().unwrap().proxies, Proxies::default());
        network.proxy = ProxyOption::Named(Proxy::parse("http://c.example").unwrap());
        let proxies = network.trust().unwrap().proxies;
        assert_eq!(
            (proxies.each()[0].to_string().as_str(), proxies.named_by.as_str()),
            ("http://c.example:80", "configured")
        );
    }
}
