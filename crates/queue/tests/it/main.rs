//! The engines of the queue against its contract, and what is particular to each.

#[cfg(test)]
mod group;
#[cfg(test)]
mod rigs;
#[cfg(test)]
mod sqlite;

#[cfg(test)]
mod sqlite_file {
    queue::contract_suite!(crate::rigs::SqliteRig::file());
}

#[cfg(test)]
mod sqlite_inline {
    queue::contract_suite!(crate::rigs::SqliteRig::inline());
}
