//! `wattmill catalog`.

use wattmill::catalog::Kind;
use wattmill::report::{
    catalog_list_document, catalog_list_text, catalog_show_document, catalog_show_text,
};

use crate::args::{Catalog, CatalogCommand, CatalogKind};
use crate::exit::{Failure, Outcome};
use crate::files;

pub(crate) fn run(args: &Catalog) -> Outcome {
    let catalog = wattmill::catalog::Catalog::builtin();
    let kind = match &args.command {
        None => None,
        Some(CatalogCommand::List { kind }) => kind.map(kind_of),
        Some(CatalogCommand::Show { id }) => {
            let shown = if args.json {
                catalog_show_document(catalog, id)
            } else {
                catalog_show_text(catalog, id)
            };
            return files::print(&shown.ok_or_else(|| unknown(catalog, id))?);
        }
    };
    files::print(&if args.json {
        catalog_list_document(catalog, kind)
    } else {
        catalog_list_text(catalog, kind)
    })
}

/// An id that no kind of row has, with the nearest that there are.
fn unknown(catalog: &wattmill::catalog::Catalog, id: &str) -> Failure {
    let mut near: Vec<&str> = Vec::new();
    for name in Kind::ALL.into_iter().flat_map(|kind| catalog.closest(kind, id)) {
        if !near.contains(&name) {
            near.push(name);
        }
    }
    super::not_in_catalogue(&[("", id, near)])
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
