//! Physical and monetary quantities. Each is an `f64` in one base unit that only its own
//! `from_…`/`as_…` verbs name.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $from:ident / $as:ident = $factor:expr),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
        pub struct $name(f64);

        impl $name {
            /// Nothing of it.
            pub const ZERO: Self = Self(0.0);

            $(
                $(#[$vdoc])*
                pub const fn $from(value: f64) -> Self { Self(value * $factor) }
                $(#[$vdoc])*
                pub const fn $as(self) -> f64 { self.0 / $factor }
            )+

            /// The smaller of the two.
            pub const fn min(self, other: Self) -> Self { Self(self.0.min(other.0)) }
            /// The larger of the two.
            pub const fn max(self, other: Self) -> Self { Self(self.0.max(other.0)) }
            /// Distance from zero.
            pub const fn abs(self) -> Self { Self(self.0.abs()) }
            /// Whether this is an ordinary number (neither infinite nor NaN).
            pub const fn is_finite(self) -> bool { self.0.is_finite() }
            /// Value in the base unit, for code that is generic over quantities.
            pub(crate) const fn base(self) -> f64 { self.0 }
            pub(crate) const fn from_base(value: f64) -> Self { Self(value) }
        }
        impl Add for $name { type Output = Self; fn add(self, o: Self) -> Self { Self(self.0 + o.0) } }
        impl Sub for $name { type Output = Self; fn sub(self, o: Self) -> Self { Self(self.0 - o.0) } }
        impl Neg for $name { type Output = Self; fn neg(self) -> Self { Self(-self.0) } }
        impl AddAssign for $name { fn add_assign(&mut self, o: Self) { self.0 += o.0; } }
        impl SubAssign for $name { fn sub_assign(&mut self, o: Self) { self.0 -= o.0; } }
        impl Mul<f64> for $name { type Output = Self; fn mul(self, k: f64) -> Self { Self(self.0 * k) } }
        impl Mul<$name> for f64 { type Output = $name; fn mul(self, q: $name) -> $name { $name(self * q.0) } }
        impl Div<f64> for $name { type Output = Self; fn div(self, k: f64) -> Self { Self(self.0 / k) } }
        impl Div for $name { type Output = f64; fn div(self, o: Self) -> f64 { self.0 / o.0 } }
        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self { iter.fold(Self::ZERO, Add::add) }
        }
        impl<'a> Sum<&'a $name> for $name {
            fn sum<I: Iterator<Item = &'a Self>>(iter: I) -> Self { iter.copied().sum() }
        }
    };
}

/// `$a × $b = $c` and both quotients.
macro_rules! product {
    ($a:ident * $b:ident = $c:ident) => {
        impl Mul<$b> for $a {
            type Output = $c;
            fn mul(self, o: $b) -> $c {
                $c(self.0 * o.0)
            }
        }
        impl Mul<$a> for $b {
            type Output = $c;
            fn mul(self, o: $a) -> $c {
                $c(self.0 * o.0)
            }
        }
        impl Div<$b> for $c {
            type Output = $a;
            fn div(self, o: $b) -> $a {
                $a(self.0 / o.0)
            }
        }
        impl Div<$a> for $c {
            type Output = $b;
            fn div(self, o: $a) -> $b {
                $b(self.0 / o.0)
            }
        }
    };
}

quantity! {
    /// Electrical or thermal power. Say in the name whether it is chip, IT, facility or grid power.
    Power {
        /// Watts.
        from_watts / as_watts = 1.0,
        /// Kilowatts.
        from_kw / as_kw = 1e3,
        /// Megawatts.
        from_mw / as_mw = 1e6,
        /// Gigawatts.
        from_gw / as_gw = 1e9,
    }
}
quantity! {
    /// Energy.
    Energy {
        /// Joules.
        from_joules / as_joules = 1.0,
        /// Kilowatt-hours.
        from_kwh / as_kwh = 3.6e6,
        /// Megawatt-hours.
        from_mwh / as_mwh = 3.6e9,
        /// Terawatt-hours.
        from_twh / as_twh = 3.6e15,
    }
}
quantity! {
    /// Money in US dollars of the price year the factory states.
    Money {
        /// Dollars.
        from_usd / as_usd = 1.0,
        /// Millions of dollars.
        from_musd / as_musd = 1e6,
        /// Billions of dollars.
        from_busd / as_busd = 1e9,
    }
}
quantity! {
    /// Price of energy.
    EnergyPrice {
        /// Dollars per joule.
        from_usd_per_joule / as_usd_per_joule = 1.0,
        /// Dollars per megawatt-hour.
        from_usd_per_mwh / as_usd_per_mwh = (1.0 / 3.6e9),
    }
}
quantity! {
    /// Carbon dioxide equivalent emitted per unit of energy.
    CarbonIntensity {
        /// Grams of CO₂e per kilowatt-hour.
        from_g_per_kwh / as_g_per_kwh = 1.0,
    }
}
quantity! {
    /// An amount of memory or traffic.
    Bytes {
        /// Bytes.
        from_bytes / as_bytes = 1.0,
        /// Gigabytes (10⁹).
        from_gb / as_gb = 1e9,
    }
}
quantity! {
    /// Floating-point operations, dense; a fused multiply-add counts as two.
    Flops {
        /// Operations.
        from_flops / as_flops = 1.0,
        /// 10¹² operations.
        from_tflops / as_tflops = 1e12,
    }
}
quantity! {
    /// Dense floating-point operations per second.
    FlopRate {
        /// Operations per second.
        from_flops_per_s / as_flops_per_s = 1.0,
        /// 10¹² operations per second.
        from_tflops_per_s / as_tflops_per_s = 1e12,
    }
}
quantity! {
    /// Bytes per second, in one direction unless the name says otherwise.
    ByteRate {
        /// Bytes per second.
        from_bytes_per_s / as_bytes_per_s = 1.0,
        /// Gigabytes (10⁹) per second.
        from_gb_per_s / as_gb_per_s = 1e9,
        /// Terabytes (10¹²) per second.
        from_tb_per_s / as_tb_per_s = 1e12,
    }
}
quantity! {
    /// A length of time as physics sees it. Simulated instants are [`SimTime`](crate::SimTime).
    Seconds {
        /// Seconds.
        from_s / as_s = 1.0,
        /// Milliseconds.
        from_ms / as_ms = 1e-3,
        /// Microseconds.
        from_us / as_us = 1e-6,
        /// Hours.
        from_hours / as_hours = 3600.0,
        /// Days of 24 hours.
        from_days / as_days = 86_400.0,
    }
}
quantity! {
    /// A plain ratio, read from text as a bare number or a percentage.
    Ratio {
        /// As a fraction of one.
        from_fraction / as_fraction = 1.0,
        /// In percent.
        from_percent / as_percent = 0.01,
    }
}

product!(Power * Seconds = Energy);
product!(EnergyPrice * Energy = Money);
product!(FlopRate * Seconds = Flops);
product!(ByteRate * Seconds = Bytes);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_gigawatts_for_a_year() {
        let energy = Power::from_gw(10.0) * Seconds::from_days(365.0);
        assert!((energy.as_twh() - 87.6).abs() < 1e-9);
    }

    #[test]
    fn a_megawatt_hour_costs_its_price() {
        let cost = EnergyPrice::from_usd_per_mwh(45.0) * Energy::from_mwh(2.0);
        assert!((cost.as_usd() - 90.0).abs() < 1e-9);
    }

    #[test]
    fn quotients_undo_products() {
        let t = Flops::from_tflops(989.0) / FlopRate::from_tflops_per_s(989.0);
        assert_eq!(t, Seconds::from_s(1.0));
        assert_eq!(Bytes::from_gb(3350.0) / t, ByteRate::from_tb_per_s(3.35));
    }
}
