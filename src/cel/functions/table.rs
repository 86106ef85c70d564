//! Every function and its types.
//!
//! One row per overload. The checker finds the rows that fit the types of a call; the evaluator judges values
//! again, because a `dyn` can hold anything. Rows of one name and form share one implementation.

use crate::cel::types::Type;

/// A type in a row: `A` and `B` stand for any type, the same one throughout the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cel) enum Shape {
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Timestamp,
    Duration,
    Risk,
    Ip,
    Cidr,
    Type,
    Dyn,
    A,
    ListA,
    ListInt,
    ListString,
    ListOptionalA,
    MapAB,
    OptionalA,
}

/// One form of a function.
#[derive(Debug)]
pub(in crate::cel) struct Overload {
    pub(in crate::cel) name: &'static str,
    /// Whether the first argument stands before the point.
    pub(in crate::cel) method: bool,
    pub(in crate::cel) func: Func,
    pub(in crate::cel) args: &'static [Shape],
    pub(in crate::cel) result: Shape,
}

/// The rows of a name, as a function or as a method.
pub(in crate::cel) fn overloads(name: &str, method: bool) -> impl Iterator<Item = &'static Overload> {
    OVERLOADS.iter().filter(move |row| row.method == method && row.name == name)
}

/// Says whether any function or method has the name.
pub(in crate::cel) fn named() -> impl Iterator<Item = (&'static str, bool)> {
    OVERLOADS.iter().map(|row| (row.name, row.method))
}

/// Says whether a name is the first part of functions' names, as `math` is.
pub(in crate::cel) fn namespaces(name: &str) -> bool {
    matches!(name, "math" | "strings" | "lists" | "sets" | "base64" | "optional" | "ip" | "cel")
}

impl Shape {
    /// Fits a type to the shape, given what `A` and `B` stand for so far.
    pub(in crate::cel) fn fits(self, ty: &Type, bound: &mut [Option<Type>; 2]) -> bool {
        if ty.is_dyn() {
            return true;
        }
        let [first, second] = bound;
        match (self, ty) {
            (Self::Dyn, _) => true,
            (Self::Bool, Type::Bool)
            | (Self::Int, Type::Int)
            | (Self::Uint, Type::Uint)
            | (Self::Double, Type::Double)
            | (Self::String, Type::String)
            | (Self::Bytes, Type::Bytes)
            | (Self::Timestamp, Type::Timestamp)
            | (Self::Duration, Type::Duration)
            | (Self::Risk, Type::Risk)
            | (Self::Ip, Type::Ip)
            | (Self::Cidr, Type::Cidr)
            | (Self::Type, Type::Type) => true,
            (Self::A, _) => bind(first, ty),
            (Self::ListA, Type::List(element)) | (Self::OptionalA, Type::Optional(element)) => {
                bind(first, element)
            }
            (Self::ListInt, Type::List(element)) => matches!(**element, Type::Int | Type::Dyn),
            (Self::ListString, Type::List(element)) => matches!(**element, Type::String | Type::Dyn),
            (Self::ListOptionalA, Type::List(element)) => match element.as_ref() {
                Type::Optional(inner) => bind(first, inner),
                other => other.is_dyn(),
            },
            (Self::MapAB, Type::Map(key, value)) => bind(first, key) && bind(second, value),
            _ => false,
        }
    }

    /// The type of the shape, given what `A` and `B` stand for.
    pub(in crate::cel) fn ty(self, bound: &[Option<Type>; 2]) -> Type {
        let [first, second] = bound;
        let a = || first.clone().unwrap_or(Type::Dyn);
        match self {
            Self::Bool => Type::Bool,
            Self::Int => Type::Int,
            Self::Uint => Type::Uint,
            Self::Double => Type::Double,
            Self::String => Type::String,
            Self::Bytes => Type::Bytes,
            Self::Timestamp => Type::Timestamp,
            Self::Duration => Type::Duration,
            Self::Risk => Type::Risk,
            Self::Ip => Type::Ip,
            Self::Cidr => Type::Cidr,
            Self::Type => Type::Type,
            Self::Dyn => Type::Dyn,
            Self::A => a(),
            Self::ListA => Type::list(a()),
            Self::ListInt => Type::list(Type::Int),
            Self::ListString => Type::list(Type::String),
            Self::ListOptionalA => Type::list(Type::optional(a())),
            Self::MapAB => Type::map(a(), second.clone().unwrap_or(Type::Dyn)),
            Self::OptionalA => Type::optional(a()),
        }
    }
}

/// Binds a variable of a row; two types that can hold equal values bind to what covers both.
fn bind(variable: &mut Option<Type>, ty: &Type) -> bool {
    match variable.take() {
        None => {
            *variable = Some(ty.clone());
            true
        }
        Some(known) => {
            let fits = known.comparable(ty);
            *variable = Some(if known.is_dyn() { ty.clone() } else { known.join(ty) });
            fits
        }
    }
}

macro_rules! functions {
    ($($func:ident: $($name:literal $form:ident ($($arg:ident),*) -> $result:ident),+;)+) => {
        /// What a call runs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate::cel) enum Func { $($func),+ }

        const OVERLOADS: &[Overload] = &[$($(
            Overload {
                name: $name,
                method: functions!(@ $form),
                func: Func::$func,
                args: &[$(Shape::$arg),*],
                result: Shape::$result,
            },
        )+)+];
    };
    (@ function) => { false };
    (@ method) => { true };
}

functions! {
    Size: "size" function (String) -> Int, "size" function (Bytes) -> Int, "size" function (ListA) -> Int,
        "size" function (MapAB) -> Int, "size" method (String) -> Int, "size" method (Bytes) -> Int,
        "size" method (ListA) -> Int, "size" method (MapAB) -> Int;
    StartsWith: "startsWith" method (String, String) -> Bool;
    EndsWith: "endsWith" method (String, String) -> Bool;
    Contains: "contains" method (String, String) -> Bool;
    Matches: "matches" method (String, String) -> Bool, "matches" function (String, String) -> Bool;
    Dyn: "dyn" function (A) -> Dyn;
    Type: "type" function (A) -> Type;
    Int: "int" function (Int) -> Int, "int" function (Uint) -> Int, "int" function (Double) -> Int,
        "int" function (String) -> Int, "int" function (Timestamp) -> Int, "int" function (Duration) -> Int;
    Uint: "uint" function (Uint) -> Uint, "uint" function (Int) -> Uint, "uint" function (Double) -> Uint,
        "uint" function (String) -> Uint;
    Double: "double" function (Double) -> Double, "double" function (Int) -> Double,
        "double" function (Uint) -> Double, "double" function (String) -> Double;
    String: "string" function (String) -> String, "string" function (Bool) -> String,
        "string" function (Int) -> String, "string" function (Uint) -> String, "string" function (Double) -> String,
        "string" function (Bytes) -> String, "string" function (Timestamp) -> String,
        "string" function (Duration) -> String, "string" function (Ip) -> String, "string" function (Cidr) -> String,
        "string" function (Risk) -> String;
    Bytes: "bytes" function (Bytes) -> Bytes, "bytes" function (String) -> Bytes;
    Bool: "bool" function (Bool) -> Bool, "bool" function (String) -> Bool;
    Timestamp: "timestamp" function (Timestamp) -> Timestamp, "timestamp" function (String) -> Timestamp,
        "timestamp" function (Int) -> Timestamp;
    Duration: "duration" function (Duration) -> Duration, "duration" function (String) -> Duration;
    FullYear: "getFullYear" method (Timestamp) -> Int, "getFullYear" method (Timestamp, String) -> Int;
    Month: "getMonth" method (Timestamp) -> Int, "getMonth" method (Timestamp, String) -> Int;
    Date: "getDate" method (Timestamp) -> Int, "getDate" method (Timestamp, String) -> Int;
    DayOfMonth: "getDayOfMonth" method (Timestamp) -> Int, "getDayOfMonth" method (Timestamp, String) -> Int;
    DayOfWeek: "getDayOfWeek" method (Timestamp) -> Int, "getDayOfWeek" method (Timestamp, String) -> Int;
    DayOfYear: "getDayOfYear" method (Timestamp) -> Int, "getDayOfYear" method (Timestamp, String) -> Int;
    Hours: "getHours" method (Timestamp) -> Int, "getHours" method (Timestamp, String) -> Int,
        "getHours" method (Duration) -> Int;
    Minutes: "getMinutes" method (Timestamp) -> Int, "getMinutes" method (Timestamp, String) -> Int,
        "getMinutes" method (Duration) -> Int;
    Seconds: "getSeconds" method (Timestamp) -> Int, "getSeconds" method (Timestamp, String) -> Int,
        "getSeconds" method (Duration) -> Int;
    Milliseconds: "getMilliseconds" method (Timestamp) -> Int, "getMilliseconds" method (Timestamp, String) -> Int,
        "getMilliseconds" method (Duration) -> Int;
    CharAt: "charAt" method (String, Int) -> String;
    IndexOf: "indexOf" method (String, String) -> Int, "indexOf" method (String, String, Int) -> Int;
    LastIndexOf: "lastIndexOf" method (String, String) -> Int, "lastIndexOf" method (String, String, Int) -> Int;
    LowerAscii: "lowerAscii" method (String) -> String;
    UpperAscii: "upperAscii" method (String) -> String;
    Replace: "replace" method (String, String, String) -> String,
        "replace" method (String, String, String, Int) -> String;
    Split: "split" method (String, String) -> ListString, "split" method (String, String, Int) -> ListString;
    Substring: "substring" method (String, Int) -> String, "substring" method (String, Int, Int) -> String;
    Trim: "trim" method (String) -> String;
    Quote: "strings.quote" function (String) -> String;
    Format: "format" method (String, ListA) -> String;
    Base64Encode: "base64.encode" function (Bytes) -> String;
    Base64Decode: "base64.decode" function (String) -> Bytes;
    Join: "join" method (ListString) -> String, "join" method (ListString, String) -> String;
    Reverse: "reverse" method (String) -> String, "reverse" method (ListA) -> ListA;
    Slice: "slice" method (ListA, Int, Int) -> ListA;
    Flatten: "flatten" method (ListA) -> Dyn, "flatten" method (ListA, Int) -> Dyn;
    Distinct: "distinct" method (ListA) -> ListA;
    Sort: "sort" method (ListA) -> ListA;
    Range: "lists.range" function (Int) -> ListInt;
    First: "first" method (ListA) -> OptionalA;
    Last: "last" method (ListA) -> OptionalA;
    SetsContains: "sets.contains" function (ListA, ListA) -> Bool;
    SetsEquivalent: "sets.equivalent" function (ListA, ListA) -> Bool;
    SetsIntersects: "sets.intersects" function (ListA, ListA) -> Bool;
    OptionalNone: "optional.none" function () -> OptionalA;
    OptionalOf: "optional.of" function (A) -> OptionalA;
    OptionalOfNonZero: "optional.ofNonZeroValue" function (A) -> OptionalA;
    HasValue: "hasValue" method (OptionalA) -> Bool;
    Value: "value" method (OptionalA) -> A;
    Or: "or" method (OptionalA, OptionalA) -> OptionalA;
    OrValue: "orValue" method (OptionalA, A) -> A;
    Unwrap: "optional.unwrap" function (ListOptionalA) -> ListA, "unwrapOpt" method (ListOptionalA) -> ListA;
    Ip: "ip" function (Ip) -> Ip, "ip" function (String) -> Ip;
    Cidr: "cidr" function (Cidr) -> Cidr, "cidr" function (String) -> Cidr;
    IsIp: "isIP" function (String) -> Bool;
    IsCidr: "isCIDR" function (String) -> Bool;
    IsCanonical: "ip.isCanonical" function (String) -> Bool;
    Family: "family" method (Ip) -> Int;
    IsUnspecified: "isUnspecified" method (Ip) -> Bool;
    IsLoopback: "isLoopback" method (Ip) -> Bool;
    IsGlobalUnicast: "isGlobalUnicast" method (Ip) -> Bool;
    IsLinkLocalMulticast: "isLinkLocalMulticast" method (Ip) -> Bool;
    IsLinkLocalUnicast: "isLinkLocalUnicast" method (Ip) -> Bool;
    ContainsIp: "containsIP" method (Cidr, Ip) -> Bool, "containsIP" method (Cidr, String) -> Bool;
    ContainsCidr: "containsCIDR" method (Cidr, Cidr) -> Bool, "containsCIDR" method (Cidr, String) -> Bool;
    CidrIp: "ip" method (Cidr) -> Ip;
    Masked: "masked" method (Cidr) -> Cidr;
    PrefixLength: "prefixLength" method (Cidr) -> Int;
    Greatest: "math.greatest" function (Dyn) -> Dyn, "math.greatest" function (Dyn, Dyn) -> Dyn;
    Least: "math.least" function (Dyn) -> Dyn, "math.least" function (Dyn, Dyn) -> Dyn;
    Ceil: "math.ceil" function (Double) -> Double;
    Floor: "math.floor" function (Double) -> Double;
    Round: "math.round" function (Double) -> Double;
    Trunc: "math.trunc" function (Double) -> Double;
    Abs: "math.abs" function (Int) -> Int, "math.abs" function (Uint) -> Uint, "math.abs" function (Double) -> Double;
    Sign: "math.sign" function (Int) -> Int, "math.sign" function (Uint) -> Uint,
        "math.sign" function (Double) -> Double;
    Sqrt: "math.sqrt" function (Double) -> Double, "math.sqrt" function (Int) -> Double,
        "math.sqrt" function (Uint) -> Double;
    IsNan: "math.isNaN" function (Double) -> Bool;
    IsInf: "math.isInf" function (Double) -> Bool;
    IsFinite: "math.isFinite" function (Double) -> Bool;
    BitAnd: "math.bitAnd" function (Int, Int) -> Int, "math.bitAnd" function (Uint, Uint) -> Uint;
    BitOr: "math.bitOr" function (Int, Int) -> Int, "math.bitOr" function (Uint, Uint) -> Uint;
    BitXor: "math.bitXor" function (Int, Int) -> Int, "math.bitXor" function (Uint, Uint) -> Uint;
    BitNot: "math.bitNot" function (Int) -> Int, "math.bitNot" function (Uint) -> Uint;
    BitShiftLeft: "math.bitShiftLeft" function (Int, Int) -> Int, "math.bitShiftLeft" function (Uint, Int) -> Uint;
    BitShiftRight: "math.bitShiftRight" function (Int, Int) -> Int, "math.bitShiftRight" function (Uint, Int) -> Uint;
}
