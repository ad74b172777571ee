//! Factories side by side: text and page.

mod page;
mod tables;
mod text;

pub use page::comparison_page;
pub use text::comparison_text;

use wattmill_factory::Factory;
use wattmill_plan::Comparison;
use wattmill_units::AnswerHash;

/// Factories that are compared with the first of them.
#[derive(Clone, Debug)]
pub struct Compared<'a> {
    /// What the others are compared with.
    pub base: &'a Factory,
    /// Every other one, and how it differs.
    pub others: Vec<(&'a Factory, Comparison)>,
    /// Samples drawn of each, 0 without.
    pub samples: u64,
}

impl Compared<'_> {
    /// Letters that stand for the factories in tables: A for the base.
    fn letter(index: usize) -> String {
        match u8::try_from(index) {
            Ok(index) if index < 26 => char::from(b'A' + index).to_string(),
            _ => format!("#{}", index + 1),
        }
    }

    /// What a reader should know before believing it.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (index, (other, comparison)) in self.others.iter().enumerate() {
            let letter = Self::letter(index + 1);
            let (ours, theirs) = (self.base.economics.price_year, other.economics.price_year);
            if ours != theirs {
                warnings.push(format!(
                    "A counts in dollars of {ours} and {letter} in dollars of {theirs}: bring one to \
                     the `price_year` of the other"
                ));
            }
            for balance in comparison.ledger.iter().filter(|balance| !balance.closes()) {
                warnings.push(format!("the causes do not add up: {balance}"));
            }
            if !comparison.worst.closes() {
                let worst = &comparison.worst;
                warnings
                    .push(format!("the books of A, {letter} or a mixture do not close: {worst}"));
            }
        }
        warnings
    }

    /// Hash of every comparison.
    pub(crate) fn answer_hash(&self) -> u64 {
        let mut hash = AnswerHash::new();
        self.others.iter().for_each(|(_, comparison)| hash.add(comparison.answer_hash));
        hash.finish()
    }

    /// How the differences are split, in a sentence or two.
    fn method(&self) -> String {
        let mut words = "Causes are groups of inputs. Each is swapped from A to the other factory, and \
             what it changes is averaged over every order of swapping (Shapley's value), so that the \
             causes add up to the whole difference. Sites, phases and services of one name are the \
             same, and the first, second and later phases of one site where their names differ; what \
             only one factory has counts as power, or as demand."
            .to_owned();
        if self.samples > 0 {
            words.push_str(
                " Samples draw the same numbers for what two factories have in common; each swaps \
                 the causes in an order of its own, or in the reverse of the last one's.",
            );
        }
        words
    }
}
