//! Factory files that are compiled in.

/// Name and text of every built-in factory file, the main one first.
pub const BUILTIN_FACTORIES: &[(&str, &str)] = &[
    ("ten-gigawatt", include_str!("../../../../factories/ten-gigawatt.toml")),
    ("ten-gigawatt-as-known", include_str!("../../../../factories/ten-gigawatt-as-known.toml")),
    ("hundred-megawatt", include_str!("../../../../factories/hundred-megawatt.toml")),
    ("sun-and-storage", include_str!("../../../../factories/sun-and-storage.toml")),
    ("nvl72-rack", include_str!("../../../../factories/nvl72-rack.toml")),
    ("hgx-node", include_str!("../../../../factories/hgx-node.toml")),
];

/// Text of a built-in factory file by its name, with or without `.toml`.
///
/// ```
/// assert!(wattmill_config::builtin_factory("ten-gigawatt").is_some());
/// assert!(wattmill_config::builtin_factory("hgx-node.toml").is_some());
/// assert!(wattmill_config::builtin_factory("moonbase").is_none());
/// ```
pub fn builtin_factory(name: &str) -> Option<&'static str> {
    let name = name.strip_suffix(".toml").unwrap_or(name);
    BUILTIN_FACTORIES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Name and text of every built-in fleet file.
pub const BUILTIN_FLEETS: &[(&str, &str)] = &[
    ("two-coasts", include_str!("../../../../fleets/two-coasts.toml")),
    ("three-providers", include_str!("../../../../fleets/three-providers.toml")),
];

/// Text of a built-in fleet file by its name, with or without `.toml`.
///
/// ```
/// assert!(wattmill_config::builtin_fleet("two-coasts").is_some());
/// ```
pub fn builtin_fleet(name: &str) -> Option<&'static str> {
    let name = name.strip_suffix(".toml").unwrap_or(name);
    BUILTIN_FLEETS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
