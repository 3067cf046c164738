//! The services of a person's own folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::schema::catalogue::{Catalogue, File};

/// The largest file of a service that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// The built-in services and those of a folder, which need not be there.
///
/// # Errors
/// Where the folder is there and cannot be read.
pub fn catalogue(folder: &Path) -> io::Result<Arc<Catalogue>> {
    let files = match service_files(folder) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    if files.is_empty() {
        return Ok(Catalogue::builtin().clone());
    }
    Ok(Arc::new(Catalogue::with(files.iter().map(|file| read_service(file)).collect())))
}

/// The files of services in a folder, sorted.
///
/// # Errors
/// Where it cannot be read.
pub fn service_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads a file of a service.
pub fn read_service(path: &Path) -> File {
    let text = match fs::metadata(path) {
        Ok(data) if data.len() > LARGEST => Err("more than 1 MiB: not a service".to_owned()),
        Ok(_) => fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}")),
        Err(error) => Err(format!("cannot be read: {error}")),
    };
    File {
        path: path.display().to_string(),
        id: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        text,
    }
}
