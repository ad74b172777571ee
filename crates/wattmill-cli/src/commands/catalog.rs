//! `wattmill catalog`.

use wattmill::catalog::Kind;
use wattmill::report::{catalog_list_text, catalog_show_text};

use crate::args::{Catalog, CatalogCommand, CatalogKind};
use crate::exit::{Failure, Outcome};
use crate::files;

pub(crate) fn run(args: &Catalog) -> Outcome {
    let catalog = wattmill::catalog::Catalog::builtin();
    match &args.command {
        None => files::print(&catalog_list_text(catalog, None)),
        Some(CatalogCommand::List { kind }) => {
            files::print(&catalog_list_text(catalog, kind.map(kind_of)))
        }
        Some(CatalogCommand::Show { id }) => match catalog_show_text(catalog, id) {
            Some(text) => files::print(&text),
            None => Err(unknown(catalog, id)),
        },
    }
}

/// An id that no kind of row has, with the nearest that there are.
fn unknown(catalog: &wattmill::catalog::Catalog, id: &str) -> Failure {
    let mut near: Vec<&str> =
        Kind::ALL.into_iter().flat_map(|kind| catalog.closest(kind, id)).collect();
    near.dedup();
    let hint = if near.is_empty() {
        String::new()
    } else {
        format!("; did you mean {}?", near.join(" or "))
    };
    Failure::Input(format!(
        "error: `{id}` is not in the catalogue{hint}\n  see `wattmill catalog list`\n"
    ))
}

const fn kind_of(kind: CatalogKind) -> Kind {
    match kind {
        CatalogKind::Accelerators => Kind::Accelerator,
        CatalogKind::Systems => Kind::System,
        CatalogKind::Models => Kind::Model,
        CatalogKind::Lengths => Kind::Lengths,
        CatalogKind::Shapes => Kind::Shape,
        CatalogKind::Efficiencies => Kind::Efficiency,
    }
}
