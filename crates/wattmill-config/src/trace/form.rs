//! The forms that traces are published in.

use std::fmt;

/// The form of a trace's text, told from its first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TraceForm {
    /// CSV with `TIMESTAMP,ContextTokens,GeneratedTokens`, a date and a time of day per request:
    /// the Azure LLM inference traces of 2023 (Patel et al., Splitwise, ISCA 2024) and 2024.
    Azure,
    /// One JSON object per line with `timestamp` in milliseconds, `input_length` and
    /// `output_length`: the traces of Mooncake (Qin et al., FAST 2025).
    Mooncake,
    /// CSV with `arrived_at_s,prefill_tokens,decode_tokens`, seconds from the trace's start.
    Columns,
}

impl TraceForm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Azure, Self::Mooncake, Self::Columns];

    /// Names of the columns or keys for arrival, input tokens and output tokens.
    pub const fn names(self) -> [&'static str; 3] {
        match self {
            Self::Azure => ["TIMESTAMP", "ContextTokens", "GeneratedTokens"],
            Self::Mooncake => ["timestamp", "input_length", "output_length"],
            Self::Columns => ["arrived_at_s", "prefill_tokens", "decode_tokens"],
        }
    }

    /// What stands in the time column.
    pub(super) const fn time(self) -> &'static str {
        match self {
            Self::Azure => "a date and time such as 2023-11-16 18:15:46.6805900",
            Self::Mooncake => "milliseconds from the trace's start, such as 27482",
            Self::Columns => "seconds from the trace's start, such as 0.158",
        }
    }
}

impl fmt::Display for TraceForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Azure => "Azure CSV",
            Self::Mooncake => "Mooncake JSON lines",
            Self::Columns => "three-column CSV",
        })
    }
}
