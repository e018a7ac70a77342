//! Solvency and obligations: scores, debts, arrears, by their words.

use super::{Entry, Kind};
use crate::{Category, value};

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Solvency,
    name: "solvency",
    category: Some(Category::Solvency),
    person: false,
    shown: (0, 0),
    words: &[
        "платежеспособност*",
        "кредитная история*",
        "кредитной истори*",
        "кредитный рейтинг*",
        "скоринг*",
        "задолженност*",
        "просрочк*",
        "обязательств*",
        "долговая нагрузк*",
        "кдн",
        "төлем қабілет*",
        "несие тарих*",
        "міндеттеме*",
        "берешек*",
        "мерзімі өткен*",
        "credit score*",
        "credit_score*",
        "scoring*",
        "overdue*",
        "arrears*",
        "debt*",
        "solvency*",
    ],
    value: Some(value::measure),
};
